//! Giving an input to a target, whatever comes of it.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::sync::Once;

use crate::memory::most_during;
use crate::{MEMORY_PER_BYTE, Target, Worth};

/// What is wrong with the code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The same for all inputs that show the same fault.
    pub name: String,
    pub detail: String,
}

thread_local! {
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Panics of a target are kept instead of printed.
fn quiet() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info: &PanicHookInfo<'_>| {
            let kept = PLACE.with_borrow_mut(|place| match place {
                Some(place) => {
                    *place = info.location().map(ToString::to_string).unwrap_or_default();
                    true
                }
                None => false,
            });
            if !kept {
                before(info);
            }
        }));
    });
}

/// Runs the target; a panic, a violation and too much memory are findings.
pub fn attempt(target: &Target, input: &[u8]) -> Result<Worth, Finding> {
    quiet();
    PLACE.set(Some(String::new()));
    let (outcome, most) = most_during(|| catch_unwind(AssertUnwindSafe(|| (target.run)(input))));
    let place = PLACE.take().unwrap_or_default();
    let memory_max = target.memory_max + input.len().saturating_sub(target.bytes_max) * MEMORY_PER_BYTE;
    match outcome {
        Err(panic) => Err(Finding {
            name: format!("panic at {place}"),
            detail: message(&*panic),
        }),
        Ok(Err(violation)) => Err(Finding {
            name: violation.property.to_owned(),
            detail: violation.detail,
        }),
        Ok(Ok(_)) if most > memory_max => Err(Finding {
            name: "little memory is taken".to_owned(),
            detail: format!("{most} bytes at once, more than {memory_max}"),
        }),
        Ok(Ok(worth)) => Ok(worth),
    }
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or_default()
        .to_owned()
}

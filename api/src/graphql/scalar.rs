//! Scalars of our own, and ids as they come in.

use async_graphql::{ID, InputValueError, InputValueResult, Scalar, ScalarType, Value};
use uuid::Uuid;

use super::error::AskError;

/// A whole number of up to 64 bits.
pub(super) struct Long(pub i64);

/// A whole number that may need more than the 32 bits of `Int`: a position of the log, a count of steps.
#[Scalar(specified_by_url = "https://www.rfc-editor.org/rfc/rfc8259#section-6")]
impl ScalarType for Long {
    fn parse(value: Value) -> InputValueResult<Self> {
        match &value {
            Value::Number(number) => number
                .as_i64()
                .map(Long)
                .ok_or_else(|| InputValueError::custom("not whole")),
            _ => Err(InputValueError::expected_type(value)),
        }
    }

    fn to_value(&self) -> Value {
        Value::from(self.0)
    }
}

impl From<u64> for Long {
    fn from(count: u64) -> Self {
        Long(i64::try_from(count).unwrap_or(i64::MAX))
    }
}

/// The id that a filter asks for.
pub(super) fn id<T: From<Uuid>>(given: Option<ID>, argument: &'static str) -> Result<Option<T>, AskError> {
    given
        .map(|id| {
            Uuid::try_parse(&id)
                .map(T::from)
                .map_err(|_| AskError::BadId(argument))
        })
        .transpose()
}

//! What sessions are set up with: contexts, switches, tools, how free text is answered.

use async_graphql::SimpleObject;

/// What a session is set up with, by scripts and by the person.
#[derive(SimpleObject)]
pub(super) struct SetUp {
    /// The context that is active. Null when none is.
    context: Option<String>,
    /// Contexts that have a text, in order of their letters.
    contexts: Vec<String>,
    /// Switches that add an instruction to what a language model is told.
    switchers: Vec<Switcher>,
    /// Tools that a language model is offered, in order of their letters.
    tools: Vec<String>,
    /// Folders of knowledge that are searched, in order of their letters.
    knowledge: Vec<String>,
    /// Web sites that are searched, in order of their letters.
    websites: Vec<String>,
    /// How free text is answered: `direct`, `document`, `tool`, `sql` or `chart`. Null where nobody has said.
    answer_mode: Option<String>,
    /// The language model that was chosen. Null where none was.
    model: Option<String>,
    /// What a language model is told before all else. Null where no script has said.
    system_prompt: Option<String>,
}

/// A switch that adds an instruction to what a language model is told.
#[derive(SimpleObject)]
struct Switcher {
    /// Identifies the switch within the session.
    id: String,
    /// What stands on it.
    label: String,
    /// The instruction.
    prompt: String,
    /// Whether it is on.
    active: bool,
}

impl From<commands::SetUp> for SetUp {
    fn from(set_up: commands::SetUp) -> Self {
        let switcher = |one: commands::Switcher| Switcher {
            id: one.id,
            label: one.label,
            prompt: one.prompt,
            active: one.active,
        };
        Self {
            context: set_up.context,
            contexts: set_up.contexts,
            switchers: set_up.switchers.into_iter().map(switcher).collect(),
            tools: set_up.tools,
            knowledge: set_up.knowledge,
            websites: set_up.websites,
            answer_mode: set_up.answer_mode,
            model: set_up.model,
            system_prompt: set_up.system_prompt,
        }
    }
}

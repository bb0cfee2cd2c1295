//! Tools: what a planner can do. They propose; they never sign or send.

use std::{convert::Infallible, sync::Arc};

use alloy_primitives::B256;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    draft::Draft,
    mandate::{OrderId, StandDown, StandingOrder},
    opportunity::Opportunity,
    ports::Reply,
    units::BlockRef,
};

mod sealed {
    #[expect(unnameable_types, reason = "that nobody can name it is what seals the classes")]
    pub trait Sealed {}
}

/// What a class of tools may have as an effect. Sealed: there are three classes.
pub trait Class: sealed::Sealed + Send + Sync + 'static {
    /// The effect's type. For [`Read`] it has no values.
    type Effect: Into<Effect> + Send;
    /// The class's name.
    const NAME: &'static str;
}

macro_rules! class {
    ($(#[$doc:meta])* $name:ident, $effect:ty, $text:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub enum $name {}
        impl sealed::Sealed for $name {}
        impl Class for $name {
            type Effect = $effect;
            const NAME: &'static str = $text;
        }
    };
}

class! {
    /// Looks things up; can have no effect.
    Read, Infallible, "read"
}
class! {
    /// Proposes a draft to the door.
    Propose, Draft, "propose"
}
class! {
    /// Arms or disarms standing orders, within the operator's limits.
    Control, Command, "control"
}

/// What is asked of the door besides offers: by a control tool, or by the operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Arm this order.
    Arm(StandingOrder),
    /// Disarm this one.
    Disarm(OrderId),
    /// Let nobody take opportunities of a class for a while. Anybody may ask; only the operator for longer than the policy's
    /// bound on planners.
    StandDown(StandDown),
    /// End that early. A planner may end what a planner began.
    Resume {
        /// The class, as it was stood down.
        class: String,
    },
    /// Reply to a question. Only the operator may.
    Reply {
        /// The question's.
        digest: B256,
        /// Yes or no.
        reply: Reply,
    },
    /// Take over the policy of this hash after a change. Only the operator may.
    Confirm {
        /// The policy's hash.
        policy: B256,
    },
}

/// What a tool call wants done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Offer this draft to the door.
    Offer(Box<Draft>),
    /// Tell the door this.
    Command(Command),
}

impl From<Infallible> for Effect {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

impl From<Draft> for Effect {
    fn from(draft: Draft) -> Self {
        Self::Offer(Box::new(draft))
    }
}

impl From<Command> for Effect {
    fn from(command: Command) -> Self {
        Self::Command(command)
    }
}

/// What a tool may look at besides its arguments.
#[derive(Debug, Clone)]
pub struct ToolContext {
    /// The head.
    pub now: BlockRef,
    /// The opportunities on the board, best first.
    pub board: Arc<[Opportunity]>,
}

/// A tool's answer: what the planner reads, and what the class allows it to want done.
#[derive(Debug)]
pub struct ToolOutput<O, E> {
    /// What the planner reads.
    pub output: O,
    /// What is wanted of the door.
    pub effect: Option<E>,
}

impl<O, E> ToolOutput<O, E> {
    /// An answer without an effect.
    pub const fn says(output: O) -> Self {
        Self { output, effect: None }
    }

    /// An answer with one.
    pub const fn wants(output: O, effect: E) -> Self {
        Self { output, effect: Some(effect) }
    }
}

/// The kinds of tool failures; name, retryability and the model's hint come from one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolErrorKind {
    /// No such tool.
    UnknownTool,
    /// The arguments do not fit the schema.
    BadArguments,
    /// The thing named does not exist (any more).
    NotFound,
    /// It took too long.
    TimedOut,
    /// Too many calls at once.
    Overloaded,
    /// It panicked.
    Panicked,
    /// Something it depends on failed.
    Failed,
}

impl ToolErrorKind {
    const fn row(self) -> (bool, &'static str) {
        match self {
            Self::UnknownTool => (false, "there is no such tool"),
            Self::BadArguments => (false, "the arguments do not fit the tool's schema"),
            Self::NotFound => (false, "it does not exist any more: look again"),
            Self::TimedOut => (true, "the tool took too long"),
            Self::Overloaded => (true, "too many calls at once"),
            Self::Panicked => (false, "the tool is broken: do without it"),
            Self::Failed => (true, "the tool failed"),
        }
    }

    /// Whether the same call may go through later.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        self.row().0
    }

    /// What a planner is told.
    #[must_use]
    pub const fn feedback(self) -> &'static str {
        self.row().1
    }
}

/// A tool call that gave no answer. Never the end of the loop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("tool {tool} failed ({kind:?}): {detail}")]
pub struct ToolError {
    /// The tool.
    pub tool: String,
    /// What kind of failure.
    pub kind: ToolErrorKind,
    /// For the operator; planners get [`ToolErrorKind::feedback`].
    pub detail: String,
}

impl ToolError {
    /// A failure of `tool`.
    #[must_use]
    pub fn new(tool: &str, kind: ToolErrorKind, detail: impl Into<String>) -> Self {
        Self { tool: tool.to_owned(), kind, detail: detail.into() }
    }
}

/// Something a planner can call.
///
/// The class says what a call may want done, and the compiler holds a tool to it. This one proposes:
///
/// ```
/// use agent_core::{Draft, ports::{Nothing, Propose, Tool, ToolContext, ToolError, ToolOutput}};
///
/// struct Peek(Draft);
///
/// impl Tool for Peek {
///     const NAME: &'static str = "peek";
///     const DESCRIPTION: &'static str = "Looks.";
///     type Class = Propose;
///     type Args = Nothing;
///     type Output = ();
///
///     async fn call(&self, _: ToolContext, _: Nothing) -> Result<ToolOutput<(), Draft>, ToolError> {
///         Ok(ToolOutput::wants((), self.0.clone()))
///     }
/// }
/// ```
///
/// The same tool, saying that it only reads, does not compile:
///
/// ```compile_fail,E0271
/// use agent_core::{Draft, ports::{Nothing, Read, Tool, ToolContext, ToolError, ToolOutput}};
///
/// struct Peek(Draft);
///
/// impl Tool for Peek {
///     const NAME: &'static str = "peek";
///     const DESCRIPTION: &'static str = "Looks.";
///     type Class = Read;
///     type Args = Nothing;
///     type Output = ();
///
///     async fn call(&self, _: ToolContext, _: Nothing) -> Result<ToolOutput<(), Draft>, ToolError> {
///         Ok(ToolOutput::wants((), self.0.clone()))
///     }
/// }
/// ```
pub trait Tool: Send + Sync + 'static {
    /// Its name in plans: `execute_opportunity`.
    const NAME: &'static str;
    /// One sentence for the planner.
    const DESCRIPTION: &'static str;
    /// [`Read`], [`Propose`] or [`Control`].
    type Class: Class;
    /// Its arguments. No addresses, calldata or base units: planners pick, they do not compute.
    type Args: DeserializeOwned + JsonSchema + Send;
    /// What the planner reads.
    type Output: Serialize + Send;

    /// Answers one call.
    fn call(
        &self,
        context: ToolContext,
        args: Self::Args,
    ) -> impl Future<Output = Result<ToolOutput<Self::Output, <Self::Class as Class>::Effect>, ToolError>> + Send;
}

/// Arguments of a tool that takes none.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// A planner's call, before it is checked against the tool's schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCall {
    /// The tool's name.
    pub tool: String,
    /// Its arguments.
    #[serde(default)]
    pub arguments: Value,
}

/// What came of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolReply {
    /// What the planner reads.
    pub output: Value,
    /// What is wanted of the door.
    pub effect: Option<Effect>,
}

/// A tool as planners see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolSpec {
    /// Its name.
    pub name: String,
    /// One sentence.
    pub description: String,
    /// `read`, `propose` or `control`.
    pub class: String,
    /// JSON schema of the arguments.
    pub schema: Value,
}

impl ToolSpec {
    /// The specification of `T`. Its schema stands alone: what it refers to is written where it is used, so that schemas of
    /// several tools can be put into one.
    #[must_use]
    pub fn of<T: Tool>() -> Self {
        let settings = schemars::generate::SchemaSettings::default().with(|settings| {
            settings.inline_subschemas = true;
            settings.meta_schema = None;
        });
        Self {
            name: T::NAME.to_owned(),
            description: T::DESCRIPTION.to_owned(),
            class: T::Class::NAME.to_owned(),
            schema: settings.into_generator().into_root_schema_for::<T::Args>().to_value(),
        }
    }
}

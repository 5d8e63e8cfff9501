//! Pure: alerts become messages, series become pictures. No channel is known here.

pub mod card;
pub mod chart;
pub mod heartbeat;
pub mod language;
pub mod mask;
pub mod message;
pub mod template;
pub mod text;

pub use card::Card;
pub use language::Language;
pub use message::Message;

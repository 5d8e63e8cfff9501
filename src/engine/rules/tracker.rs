//! How a rule follows the run: what it is told, and what it answers.
//!
//! Trackers decide only that something has happened. Whether it is said is `cooldown`'s matter.

use regex::bytes::Regex;

use crate::engine::alert::{AlertState, Happening, Verdict};
use crate::engine::explain::Why;
use crate::engine::input::SourceId;
use crate::engine::rules::elapsed::Elapsed;
use crate::engine::rules::every::Every;
use crate::engine::rules::exit::Exit;
use crate::engine::rules::non_finite::NonFinite;
use crate::engine::rules::pattern::Pattern;
use crate::engine::rules::restart::Restart;
use crate::engine::rules::silence::Silence;
use crate::engine::rules::when::When;
use crate::engine::rules::{Rule, Trigger};
use crate::engine::scene::Scene;
use crate::engine::series::{SeriesId, SeriesStore};
use crate::engine::splitter::LineKind;
use crate::time::Timestamp;

/// A tracker's answer: the rule fires, or what it said is over.
#[derive(Debug)]
pub(in crate::engine) struct Change {
    pub(in crate::engine) state: AlertState,
    pub(in crate::engine) happening: Happening,
}

/// A line that matches the tracker's pattern.
#[derive(Clone, Copy, Debug)]
pub(in crate::engine) struct Hit<'a> {
    pub(in crate::engine) place: LinePlace,
    pub(in crate::engine) kind: LineKind,
    pub(in crate::engine) text: &'a [u8],
    /// Metrics that the pattern names as groups, but that this line does not show.
    pub(in crate::engine) missing: &'a [SeriesId],
}

/// A line on the screen: all its frames have the same place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) struct LinePlace {
    pub(in crate::engine) source: SourceId,
    pub(in crate::engine) number: u64,
}

/// What a kind of rule may want to hear of. It hears nothing by default.
pub(in crate::engine) trait Track {
    /// The pattern whose hits it is told.
    fn pattern(&self) -> Option<&Regex> {
        None
    }

    /// Something was printed.
    fn printed(&mut self, _scene: &Scene<'_>, _out: &mut Vec<Change>) {}

    /// A line matches its pattern.
    fn matched(&mut self, _hit: &Hit<'_>, _scene: &Scene<'_>, _out: &mut Vec<Change>) {}

    /// These series got one new sample each, at once.
    fn sampled(&mut self, _series: &[SeriesId], _scene: &Scene<'_>, _out: &mut Vec<Change>) {}

    /// When it wants to be woken.
    fn deadline(&self) -> Option<Timestamp> {
        None
    }

    /// It is `latest` already, and its deadline has come: of what it repeats only the last time
    /// counts.
    fn skip_to(&mut self, _latest: Timestamp) {}

    /// Its deadline has come: it must be later, or none, after this.
    fn due(&mut self, _scene: &Scene<'_>, _out: &mut Vec<Change>) {}

    /// Why it did not fire at a line, if it did not. `wall`: a point on the run's time, as others
    /// see it.
    fn explain(&self, text: &[u8], scene: &Scene<'_>, wall: &dyn Fn(Timestamp) -> Timestamp)
    -> Why;

    /// Nothing more comes. `verdict`: how the run's process ended, if there was one.
    fn finished(&mut self, _verdict: Option<&Verdict>, _scene: &Scene<'_>, _out: &mut Vec<Change>) {
    }
}

macro_rules! trackers {
    ($($kind:ident),*) => {
        /// The closed list of kinds.
        #[derive(Debug)]
        pub(in crate::engine) enum Tracker {
            $($kind($kind)),*
        }

        impl Tracker {
            pub(in crate::engine) fn as_track(&self) -> &dyn Track {
                match self { $(Self::$kind(tracker) => tracker),* }
            }

            pub(in crate::engine) fn as_track_mut(&mut self) -> &mut dyn Track {
                match self { $(Self::$kind(tracker) => tracker),* }
            }
        }
    };
}

trackers!(Pattern, When, NonFinite, Silence, Exit, Restart, Every, Elapsed);

impl Tracker {
    /// The tracker of a rule, which holds from `at` on in a run that was started at `started`.
    /// `named`: metrics that conditions name.
    pub(in crate::engine) fn new(
        rule: &Rule,
        store: &mut SeriesStore,
        (started, at): (Timestamp, Timestamp),
        named: &[String],
    ) -> Self {
        match rule.trigger.clone() {
            Trigger::Match { pattern, except, when, count, within } => {
                let when = when.map(|condition| condition.bind(store));
                Self::Pattern(Pattern::new(pattern, except, when, count, within))
            }
            Trigger::When { condition, hold, until } => {
                let until = until.map(|condition| condition.bind(store));
                Self::When(When::new(condition.bind(store), hold, until, rule.repeat, at))
            }
            Trigger::NonFinite => Self::NonFinite(NonFinite::new(named, store)),
            Trigger::Silence { quiet, pattern, patient } => {
                Self::Silence(Silence::new(quiet, pattern, patient, rule.repeat, at))
            }
            Trigger::Exit(filter) => Self::Exit(Exit::new(filter)),
            Trigger::Restart => Self::Restart(Restart),
            Trigger::Every(interval) => Self::Every(Every::new(interval, (started, at), store)),
            Trigger::Elapsed(limit) => Self::Elapsed(Elapsed::new(limit, (started, at))),
        }
    }
}

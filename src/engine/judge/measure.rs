//! What a line shows: its metrics, how far the run is, and whether that is a sign of life. Samples go
//! into their series here; what rules make of them is for others.

use bstr::BStr;

use crate::engine::alert::{Effect, Origin, Sample, Sign};
use crate::engine::format::Format;
use crate::engine::host;
use crate::engine::judge::pulse::Position;
use crate::engine::judge::steps::Steps;
use crate::engine::judge::{Ears, Judge, Moment, numbers};
use crate::engine::metrics::{Found, Reading};
use crate::engine::rules::{LinePlace, Tracker};
use crate::engine::search::Searcher;
use crate::engine::series::{Point, SeriesId};
use crate::engine::splitter::{Line, LineKind};
use crate::time::Timestamp;

impl Judge {
    /// What a line shows of how far the run is, if it `counts`, of its metrics and of its life.
    pub(super) fn measure(
        &mut self,
        line: &Line<'_>,
        counts: bool,
        moment: &Moment<'_>,
        ears: Ears<'_>,
        effects: &mut Vec<Effect>,
    ) {
        if counts {
            self.progress.line(line.text, moment.at);
        }
        match &ears.reading {
            Some(reading) if self.may_read(line, reading, ears.format) => {
                self.read(line, reading, ears.searcher, moment.at);
            }
            _ => {
                // A number in a line that is not complete may be cut in the middle.
                if self.finds_metrics && line.kind != LineKind::Partial {
                    self.scan(line, moment, ears, effects);
                }
                self.commit(None, moment, effects);
            }
        }
        self.feel_pulse(line, counts, moment, effects);
    }

    fn feel_pulse(
        &mut self,
        line: &Line<'_>,
        counts: bool,
        moment: &Moment<'_>,
        effects: &mut Vec<Effect>,
    ) {
        let position = self.position();
        let sign = self.pulse.see(line, counts, position);
        if let Some(sign) = sign.filter(|_| !moment.closed) {
            self.alive(sign, moment, effects);
        }
        if self.pulse.has_filled(line) {
            self.each_waiting(moment, effects, |_, ruling, _, _| {
                if let Tracker::Silence(silence) = &mut ruling.tracker {
                    silence.expect_no_step();
                }
            });
        }
    }

    pub(super) fn position(&mut self) -> Position {
        self.steps.changes() + self.progress.changes()
    }

    pub(in crate::engine) fn alive(
        &mut self,
        sign: Sign,
        moment: &Moment<'_>,
        effects: &mut Vec<Effect>,
    ) {
        self.each_waiting(moment, effects, |_, ruling, scene, out| {
            if let Tracker::Silence(silence) = &mut ruling.tracker {
                silence.alive(sign, scene, out);
            }
        });
    }

    /// The named groups of a pattern that matches, as samples.
    pub(super) fn capture(
        &mut self,
        (searcher, number): (&Searcher, usize),
        line: &Line<'_>,
        place: LinePlace,
    ) {
        let Some(pattern) = searcher.scanner().pattern(number) else { return };
        if pattern.captures_len() == 1 || line.kind == LineKind::Partial {
            return;
        }
        let Some(captures) = pattern.captures(line.text) else { return };
        for name in pattern.capture_names().flatten() {
            let text = captures.name(name).and_then(|group| str::from_utf8(group.as_bytes()).ok());
            let number = text.and_then(|text| Some((text, numbers::parse(text)?)));
            // A group that is no number makes no series, only hides the value of an older line.
            let Some((text, value)) = number else {
                self.missing.extend(self.series.find(name));
                continue;
            };
            let Some(id) = self.series.find_or_add(name) else { continue };
            let before = self.series.get(id).map_or(BStr::new(""), |series| series.text());
            self.batch.add_captured(id, value, text.into(), place, before);
        }
    }

    /// Looks for metrics in the line.
    fn scan(
        &mut self,
        line: &Line<'_>,
        moment: &Moment<'_>,
        Ears { format, searcher, reading }: Ears<'_>,
        effects: &mut Vec<Effect>,
    ) {
        let each = &mut |found: Found<'_>| self.found(found, moment, effects);
        format.scan(line, reading, searcher.shapes(), each);
    }

    fn series_of(&mut self, found: &Found<'_>) -> Option<SeriesId> {
        match found.known {
            Some(number) => self.series_known(number, || found.name).map(|(id, _)| id),
            None => self.series.find_or_add(found.name),
        }
    }

    /// The series with this number of the searcher's, and this name.
    fn series_known<'a>(
        &mut self,
        number: u16,
        name: impl Fn() -> &'a str,
    ) -> Option<(SeriesId, bool)> {
        let number = usize::from(number);
        if let Some(Some(known)) = self.known.get(number) {
            return Some(*known);
        }
        let id = self.series.find_or_add(name())?;
        if self.known.len() <= number {
            self.known.resize(number + 1, None);
        }
        let known = (id, Steps::is_counted_by(name()));
        self.known[number] = Some(known);
        Some(known)
    }

    /// A metric found without a rule. What a pattern has captured from this line goes before it.
    fn found(&mut self, found: Found<'_>, moment: &Moment<'_>, effects: &mut Vec<Effect>) {
        let Some(id) = self.series_of(&found) else { return };
        if self.batch.is_captured(id) {
            return;
        }
        if self.batch.contains(id) {
            // Its second value in this line: the first one is judged by itself.
            self.commit(None, moment, effects);
            self.judge_samples(moment, effects);
        }
        self.batch.add(id, found.value, found.text);
    }

    /// A sample that stands in no line. `step`: if it is not the run's own count.
    pub(in crate::engine) fn sample(
        &mut self,
        found: Found<'_>,
        step: Option<f64>,
        moment: &Moment<'_>,
        effects: &mut Vec<Effect>,
    ) {
        if !self.finds_metrics && !host::is_host(found.name) {
            return;
        }
        // A host metric, which has no step, is no sign of the run's.
        if step.is_some() {
            self.alive(Sign::Step, moment, effects);
        }
        let Some(id) = self.series.find_or_add(found.name) else { return };
        self.batch.start();
        self.batch.add(id, found.value, found.text);
        self.commit(step, moment, effects);
        self.judge_samples(moment, effects);
    }

    /// Whether what was found in a line ahead may be taken as it is.
    fn may_read(&self, line: &Line<'_>, reading: &Reading<'_>, format: &mut Format) -> bool {
        !reading.repeats && !self.trace && format.holds(line, reading)
    }

    /// Puts what was found in a line ahead into the series at once.
    fn read(&mut self, line: &Line<'_>, reading: &Reading<'_>, searcher: &Searcher, at: Timestamp) {
        let mut ids = std::mem::take(&mut self.ids);
        ids.clear();
        for filled in reading.filled {
            let name = || searcher.shapes().name(filled.name);
            let known = self.series_known(filled.name, name);
            if let Some((id, true)) = known {
                self.steps.see(id, &self.series, filled.value);
            }
            ids.push(known.map(|(id, _)| id));
        }
        let step = self.steps.latest();
        for (filled, id) in reading.filled.iter().zip(&ids) {
            if let (Some(id), Some(text)) = (id, line.text.get(filled.place())) {
                let point = Point { at, step, value: filled.value };
                self.series.push(*id, point, text.into());
            }
        }
        if !self.waiting.is_empty() {
            self.batch.put(ids.iter().flatten());
        }
        self.ids = ids;
    }

    /// Puts the batch into the series. `step`: if it is not the run's own count.
    pub(super) fn commit(
        &mut self,
        step: Option<f64>,
        moment: &Moment<'_>,
        effects: &mut Vec<Effect>,
    ) {
        for (id, value, _) in self.batch.samples() {
            self.steps.see(id, &self.series, value);
        }
        let step = step.or(self.steps.latest());
        for (id, value, text) in self.batch.samples() {
            self.series.push(id, Point { at: moment.at, step, value }, text);
            if self.trace {
                let metric = self.series.name(id).to_owned();
                let source = moment.source.map_or("", |(_, name)| name).to_owned();
                let origin = Origin { source, line: moment.line };
                let (at, text) = (moment.wall, text.to_string());
                effects.push(Effect::Sample(Sample { origin, at, metric, step, value, text }));
            }
        }
        self.batch.committed();
    }
}

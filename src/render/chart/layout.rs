//! Which curves are drawn, and which of them together: those of one unit share a panel.

use crate::engine::series::Curve;

/// Panels of a chart and curves of a panel; more is not legible on a phone.
const MOST_PANELS: usize = 3;
const MOST_CURVES: usize = 5;

/// What kind of number a metric is, by its name. In the order of importance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Loss,
    Score,
    Other,
    Gradient,
    LearningRate,
    /// Steps, times, memory: drawn only if there is nothing else.
    Progress,
}

#[derive(Debug)]
pub(super) struct Panel<'a> {
    pub(super) kind: Kind,
    pub(super) title: String,
    pub(super) curves: Vec<&'a Curve>,
    /// Curves of this kind that found no room.
    pub(super) left_out: usize,
}

/// The panels, most important first; none if no curve has a point.
pub(super) fn panels(curves: &[Curve]) -> Vec<Panel<'_>> {
    let mut drawable: Vec<_> = curves
        .iter()
        .filter(|curve| curve.points.iter().any(|(x, _)| x.is_finite()))
        .map(|curve| (kind(&curve.name), curve))
        .collect();
    if drawable.iter().any(|(kind, _)| *kind != Kind::Progress) {
        drawable.retain(|(kind, _)| *kind != Kind::Progress);
    }
    // Stable: curves of a kind stay in the order in which they were first seen.
    drawable.sort_by_key(|(kind, _)| *kind);
    let mut panels: Vec<Panel<'_>> = Vec::new();
    for (kind, curve) in drawable {
        match panels.iter_mut().find(|panel| panel.kind == kind && belongs(panel, curve)) {
            Some(panel) if panel.curves.len() < MOST_CURVES => panel.curves.push(curve),
            Some(panel) => panel.left_out += 1,
            None => {
                panels.push(Panel { kind, title: String::new(), curves: vec![curve], left_out: 0 });
            }
        }
    }
    panels.truncate(MOST_PANELS);
    for panel in &mut panels {
        panel.title = title(panel);
    }
    panels
}

fn kind(name: &str) -> Kind {
    let name = name.to_ascii_lowercase();
    let words: Vec<&str> =
        name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let is = |word: &str| words.contains(&word);
    let has = |part: &str| name.contains(part);
    const PROGRESS: &[&str] = &[
        "step",
        "steps",
        "epoch",
        "epochs",
        "iter",
        "iters",
        "iteration",
        "iterations",
        "time",
        "ms",
        "eta",
        "elapsed",
        "fps",
        "memory",
        "mem",
        "speed",
        "tokens",
        "samples",
        "batch",
        "seconds",
        "runtime",
        "timesteps",
        "updates",
        "batches",
        "dt",
    ];
    const SCORES: &[&str] = &[
        "acc",
        "acc1",
        "acc5",
        "f1",
        "auc",
        "map",
        "precision",
        "recall",
        "iou",
        "miou",
        "bleu",
        "rouge",
        "reward",
        "rew",
        "score",
        "psnr",
        "ssim",
        "r2",
        "top1",
        "top5",
        "dice",
        "ndcg",
    ];
    match () {
        () if has("loss") || is("ppl") || has("perplexity") || is("nll") => Kind::Loss,
        () if is("lr") || has("learning_rate") || has("learning rate") => Kind::LearningRate,
        () if has("grad") || is("gnorm") => Kind::Gradient,
        () if has("accuracy") || SCORES.iter().any(|word| is(word)) => Kind::Score,
        () if ["mae", "mse", "rmse", "err", "error", "cer", "wer"].iter().any(|word| is(word)) => {
            Kind::Loss
        }
        () if PROGRESS.iter().any(|word| is(word)) || has("_per_") || has("/s") => Kind::Progress,
        () => Kind::Other,
    }
}

/// Numbers of very different size would hide each other: they get panels of their own.
fn belongs(panel: &Panel<'_>, curve: &Curve) -> bool {
    let Some((a, b)) = panel.curves.first().map(|first| (size(first), size(curve))) else {
        return true;
    };
    a == 0.0 || b == 0.0 || (a / b).max(b / a) < 30.0
}

/// The median of the absolute values: one spike does not change it.
fn size(curve: &Curve) -> f64 {
    let mut values: Vec<f64> =
        curve.points.iter().map(|(_, y)| y.abs()).filter(|y| y.is_finite()).collect();
    if values.is_empty() {
        return 0.0;
    }
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f64::total_cmp).1
}

fn title(panel: &Panel<'_>) -> String {
    match panel.kind {
        _ if panel.curves.len() == 1 => panel.curves[0].name.clone(),
        Kind::Loss => "loss".to_owned(),
        Kind::Score => "score".to_owned(),
        Kind::Gradient => "gradient".to_owned(),
        Kind::LearningRate => "learning rate".to_owned(),
        Kind::Other | Kind::Progress => "other metrics".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(name: &str, y: f64) -> Curve {
        Curve::of(name, vec![(0.0, y), (1.0, y)])
    }

    #[test]
    fn curves_of_one_unit_share_a_panel_and_the_loss_comes_first() {
        let curves = [
            curve("lr", 1e-3),
            curve("acc", 0.9),
            curve("loss", 2.0),
            curve("step", 5.0),
            curve("val_loss", 2.1),
        ];
        let panels = panels(&curves);
        let names: Vec<Vec<&str>> = panels
            .iter()
            .map(|panel| panel.curves.iter().map(|curve| curve.name.as_str()).collect())
            .collect();
        assert_eq!(names, [vec!["loss", "val_loss"], vec!["acc"], vec!["lr"]]);
    }

    #[test]
    fn steps_are_drawn_only_if_there_is_nothing_else() {
        assert_eq!(panels(&[curve("step", 1.0)]).len(), 1);
        assert_eq!(panels(&[curve("step", 1.0), curve("x", 1.0)])[0].title, "x");
    }

    #[test]
    fn a_hundred_curves_leave_most_out_and_count_them() {
        let curves: Vec<_> = (0..100).map(|index| curve(&format!("loss{index}"), 1.0)).collect();
        let panels = panels(&curves);
        assert_eq!((panels.len(), panels[0].curves.len(), panels[0].left_out), (1, 5, 95));
    }

    #[test]
    fn perplexity_does_not_flatten_the_loss() {
        assert_eq!(panels(&[curve("loss", 2.0), curve("ppl", 900.0)]).len(), 2);
    }
}

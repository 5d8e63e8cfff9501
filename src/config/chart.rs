//! The section `charts`: files by glob, and plots of metrics.

use super::ChartConfig;
use super::keys;
use super::problem::Problem;
use super::reader::Reader;
use super::trigger::Metrics;
use super::yaml::Node;

/// All charts that are right; the others are reported.
pub(super) fn read(reader: &mut Reader<'_>, node: &Node, metrics: &Metrics) -> Vec<ChartConfig> {
    let items = reader.list("charts", node);
    items.iter().filter_map(|item| chart(reader, item, metrics)).collect()
}

fn chart(reader: &mut Reader<'_>, node: &Node, metrics: &Metrics) -> Option<ChartConfig> {
    let section = reader.section("charts", node, keys::CHARTS)?;
    match (section.entry("file"), section.entry("plot")) {
        (Some(file), None) => glob(reader, &file.value),
        (None, Some(plot)) => {
            let mut names = Vec::new();
            for item in reader.one_or_list("plot", &plot.value) {
                let Some(name) = reader.plain("plot", item) else { continue };
                metrics.check(reader, &item.span, name, &[]);
                names.push(name.to_owned());
            }
            (!names.is_empty()).then_some(ChartConfig::Plot(names))
        }
        (Some(file), Some(plot)) => {
            reader.report(
                Problem::new(&plot.key_span, "a chart is a `file` or a `plot`, not both")
                    .also(&file.key_span, "the file")
                    .hint("begin the second one with a `-` of its own"),
            );
            None
        }
        (None, None) => {
            if !section.has_unknown_keys {
                let problem = Problem::new(&node.span, "this chart is empty");
                reader.report(problem.hint("write `- file: 'plots/*.png'` or `- plot: [loss]`"));
            }
            None
        }
    }
}

fn glob(reader: &mut Reader<'_>, node: &Node) -> Option<ChartConfig> {
    let text = reader.text("file", node)?;
    match glob::Pattern::new(&text) {
        Ok(_) => Some(ChartConfig::File(text)),
        Err(error) => {
            let problem =
                Problem::new(&node.span, format!("`file` is no valid glob: {}", error.msg));
            reader.report(problem.hint("`*` stands for any characters, `**` for any folders"));
            None
        }
    }
}

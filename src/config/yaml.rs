//! YAML to a tree in which every key and value knows its place in the text.
//!
//! Tolerant: what is wrong but can be passed over (a duplicate key, a tag) becomes a problem and
//! the rest is read; only broken syntax ends it, since no parser can know what follows. Knows
//! nothing of rules. Bounded: nodes, also those that aliases multiply, and nesting.

use std::collections::HashMap;
use std::ops::Range;

use granit_parser::{Event, Parser, ScalarStyle, Span};

use super::problem::{Problem, quote};
use super::syntax;

/// Far above what any rules file holds, far below what hurts (some 10 MB).
const MOST_NODES: usize = 100_000;

#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) span: Range<usize>,
    pub(super) value: Value,
}

#[derive(Clone, Debug)]
pub(super) enum Value {
    Scalar { text: String, style: ScalarStyle },
    List(Vec<Node>),
    Map(Vec<Entry>),
}

#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_span: Range<usize>,
    pub(super) value: Node,
}

impl Node {
    /// Nothing is written: `key:`, `key: ~` or `key: null`.
    pub(super) fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar { text, style: ScalarStyle::Plain }
            if matches!(text.as_str(), "" | "~" | "null"))
    }

    pub(super) fn kind(&self) -> &'static str {
        match &self.value {
            _ if self.is_null() => "nothing",
            Value::Scalar { .. } => "a single value",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping of keys",
        }
    }

    /// In nodes; a long text counts as several, since an alias copies it.
    fn size(&self) -> usize {
        match &self.value {
            Value::Scalar { text, .. } => 1 + text.len() / 64,
            Value::List(items) => 1 + items.iter().map(Node::size).sum::<usize>(),
            Value::Map(entries) => 1 + entries.iter().map(|e| 1 + e.value.size()).sum::<usize>(),
        }
    }
}

/// The file's one document; none for an empty one or broken syntax (then there is a problem).
pub(super) fn parse(text: &str, problems: &mut Vec<Problem>) -> Option<Node> {
    let options = granit_parser::options! {
        emit_comments: false, flow_nesting_limit: 32, block_nesting_limit: 32
    };
    let parser = Parser::new_from_str_with_options(text, options);
    let mut builder = Builder { text, parser, anchors: HashMap::new(), nodes: 0, problems };
    match builder.document() {
        Ok(root) => root,
        Err(problem) => {
            problems.push(*problem);
            None
        }
    }
}

/// Reading cannot go on.
type Broken = Box<Problem>;

struct Builder<'a> {
    text: &'a str,
    parser: Parser<'a, granit_parser::StrInput<'a>>,
    /// By the parser's id of the anchor; absent while its node is still being read.
    anchors: HashMap<usize, Node>,
    nodes: usize,
    problems: &'a mut Vec<Problem>,
}

impl<'a> Builder<'a> {
    fn document(&mut self) -> Result<Option<Node>, Broken> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => return Ok(root),
                Event::StreamStart | Event::DocumentEnd => {}
                Event::DocumentStart(..) if root.is_some() => {
                    let problem = Problem::new(&range(&span), "a second document begins here");
                    self.problems
                        .push(problem.hint("a rules file is one document; remove the `---`"));
                    return Ok(root);
                }
                Event::DocumentStart(..) => {}
                event => root = Some(self.node(event, &span)?),
            }
        }
    }

    fn next(&mut self) -> Result<(Event<'a>, Span), Broken> {
        match self.parser.next() {
            Some(Ok(pair)) => Ok(pair),
            Some(Err(error)) => Err(Box::new(syntax::explain(self.text, &error))),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn node(&mut self, event: Event<'a>, span: &Span) -> Result<Node, Broken> {
        self.spend(1, &range(span))?;
        self.refuse_tag(span);
        let (node, anchor) = match event {
            Event::Scalar(text, style, anchor, _) => {
                let mut text = text.into_owned();
                // The newline at the end of a block is never meant: not in a pattern, not in a name.
                if matches!(style, ScalarStyle::Literal | ScalarStyle::Folded)
                    && text.ends_with('\n')
                {
                    text.pop();
                }
                let value = Value::Scalar { text, style };
                (Node { span: range(span), value }, anchor)
            }
            Event::SequenceStart(_, anchor, _) => (self.list(span)?, anchor),
            Event::MappingStart(_, anchor, _) => (self.map(span)?, anchor),
            Event::Alias(id) => return self.alias(id, span),
            _ => return Err(Box::new(Problem::new(&range(span), "this is not understood"))),
        };
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn list(&mut self, start: &Span) -> Result<Node, Broken> {
        let mut items = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::SequenceEnd) {
                let span =
                    first_or(range(start), &span, items.first().map(|item: &Node| &item.span));
                return Ok(Node { span, value: Value::List(items) });
            }
            items.push(self.node(event, &span)?);
        }
    }

    fn map(&mut self, start: &Span) -> Result<Node, Broken> {
        let mut entries: Vec<Entry> = Vec::new();
        // By key, so that many keys cost no quadratic search.
        let mut seen: HashMap<String, Range<usize>> = HashMap::new();
        let mut merged = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                merge(&mut entries, merged);
                let first = entries.first().map(|entry| &entry.key_span);
                let span = first_or(range(start), &span, first);
                return Ok(Node { span, value: Value::Map(entries) });
            }
            let key = self.node(event, &span)?;
            let (event, span) = self.next()?;
            let value = self.node(event, &span)?;
            let Value::Scalar { text: name, style } = key.value else {
                self.problems.push(odd_key(self.text, &key.span));
                continue;
            };
            if name == "<<" && style == ScalarStyle::Plain {
                self.take_merged(value, &mut merged)?;
            } else if let Some(first) = seen.get(&name) {
                let message = format!("the key {} is written twice", quote(&name));
                self.problems.push(
                    Problem::new(&key.span, message)
                        .label("again here")
                        .also(first, "first here")
                        .hint("keep one of them; a key can stand only once in the same mapping"),
                );
            } else {
                seen.insert(name.clone(), key.span.clone());
                entries.push(Entry { key: name, key_span: key.span, value });
            }
        }
    }

    /// `<<: *defaults` takes over the keys of another mapping, see yaml.org/type/merge.html.
    fn take_merged(&mut self, value: Node, merged: &mut Vec<Entry>) -> Result<(), Broken> {
        match value.value {
            Value::Map(entries) => merged.extend(entries),
            Value::List(items) => {
                for item in items {
                    self.take_merged(item, merged)?;
                }
            }
            Value::Scalar { .. } => self.problems.push(
                Problem::new(
                    &value.span,
                    "`<<` takes over the keys of a mapping, but this is none",
                )
                .hint("write it like `<<: *defaults`, with `&defaults` at the other mapping"),
            ),
        }
        Ok(())
    }

    fn alias(&mut self, id: usize, span: &Span) -> Result<Node, Broken> {
        let Some(size) = self.anchors.get(&id).map(Node::size) else {
            let problem = Problem::new(&range(span), "this alias stands inside of what it repeats");
            return Err(Box::new(problem.hint("nothing can contain itself; remove the alias")));
        };
        self.spend(size, &range(span))?;
        let copy = self.anchors.get(&id).cloned();
        copy.ok_or_else(|| Box::new(Problem::new(&range(span), "this alias is not understood")))
    }

    fn spend(&mut self, nodes: usize, span: &Range<usize>) -> Result<(), Broken> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes <= MOST_NODES {
            return Ok(());
        }
        let message = format!("the file holds more than {MOST_NODES} values");
        let hint = "aliases (`*name`) count as often as they are repeated";
        Err(Box::new(Problem::new(span, message).label("here it is too much").hint(hint)))
    }

    fn refuse_tag(&mut self, span: &Span) {
        if let Some(tag) = span.tag_span() {
            let problem = Problem::new(&range(&tag), "tags have no meaning in a rules file");
            self.problems
                .push(problem.hint("remove it; for text that begins with `!`, use quotes"));
        }
    }
}

/// Keys that are merged in stand behind the own ones, and the own ones win.
fn merge(entries: &mut Vec<Entry>, merged: Vec<Entry>) {
    for entry in merged {
        if entries.iter().all(|own| own.key != entry.key) {
            entries.push(entry);
        }
    }
}

fn odd_key(text: &str, span: &Range<usize>) -> Problem {
    let problem = Problem::new(span, "a key must be a word");
    let before = text.get(..span.start).unwrap_or_default();
    if before.trim_end().ends_with('{')
        || text.get(span.start..).is_some_and(|t| t.starts_with('{'))
    {
        return problem
            .hint("text with `{{ … }}` needs quotes around it: message: \"{{ run.name }}\"");
    }
    problem.hint("text that begins with `[`, `{` or `*` needs quotes around it")
}

/// Collections are shown by their first key or item: a whole block would be a wall of text.
fn first_or(start: Range<usize>, end: &Span, first: Option<&Range<usize>>) -> Range<usize> {
    if start.is_empty() {
        return first.cloned().unwrap_or(start);
    }
    let end = range(end).end;
    start.start..end.max(start.end)
}

fn range(span: &Span) -> Range<usize> {
    let start = span.start.byte_offset().unwrap_or(0);
    start..span.end.byte_offset().unwrap_or(start).max(start)
}

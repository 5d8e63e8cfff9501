//! Messages as people see them.

use trainwatch::engine::alert::{AlertState, Severity};
use trainwatch::render::Message;
use trainwatch::render::message::MessageKind;

use super::{Sender, diverged, field, picture};
use crate::support::slack::FakeSlack;

fn view(message: &Message) -> String {
    let slack = FakeSlack::start();
    Sender::webhook(&slack).send(message, &[]).unwrap();
    Sender::bot(&slack, "#training").send(message, &[picture("loss.png")]).unwrap();
    slack.assert_no_violations();
    format!("webhook:\n{}\nbot:\n{}", slack.view("webhook"), slack.view("training"))
}

#[test]
fn an_alert_reads_well() {
    insta::assert_snapshot!(view(&diverged()));
}

#[test]
fn an_end_reads_well() {
    let lines = [
        "Traceback (most recent call last):",
        "  File \"train.py\", line 41, in step",
        "    return self.fc(x)",
        "RuntimeError: mat1 and mat2 shapes cannot be multiplied (64x512 and 256x10)",
    ];
    let message = Message {
        kind: MessageKind::End,
        title: "failed after 2h 05m with exit status 1: RuntimeError: mat1 and mat2 shapes cannot \
                be multiplied (64x512 and 256x10)"
            .to_owned(),
        body: "At train.py:41 in step, on rank 0.".to_owned(),
        rule: "failed".to_owned(),
        fields: vec![field("loss", "0.2210"), field("step", "1200 of 5000")],
        lines: lines.map(str::to_owned).to_vec(),
        ..diverged()
    };
    insta::assert_snapshot!(view(&message));
}

#[test]
fn a_good_end_reads_well() {
    let message = Message {
        kind: MessageKind::End,
        severity: Severity::Info,
        title: "finished after 6h 12m".to_owned(),
        body: String::new(),
        rule: "finished".to_owned(),
        fields: vec![field("eval_acc", "95.2"), field("loss", "0.1032")],
        lines: Vec::new(),
        ..diverged()
    };
    insta::assert_snapshot!(view(&message));
}

#[test]
fn a_resolved_alert_reads_well() {
    let message = Message {
        state: AlertState::Resolved,
        title: "disk.free is 52 GB again".to_owned(),
        body: String::new(),
        rule: "disk".to_owned(),
        fields: Vec::new(),
        lines: Vec::new(),
        curves: Vec::new(),
        chart_path: None,
        ..diverged()
    };
    insta::assert_snapshot!(view(&message));
}

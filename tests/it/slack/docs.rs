//! `docs/messages.md` shows messages as they are.

const PAGE: &str = include_str!("../../../docs/messages.md");

#[test]
fn the_page_of_messages_shows_what_slack_receives() {
    for snapshot in [
        include_str!("snapshots/it__slack__card__a_story_reads_well.snap"),
        include_str!("snapshots/it__slack__view__an_alert_reads_well.snap"),
        include_str!("snapshots/it__slack__view__an_end_reads_well.snap"),
        include_str!(
            "snapshots/it__slack__heartbeat__slack_says_it_by_itself_below_the_card_and_in_the_channel.snap"
        ),
        include_str!("snapshots/it__slack__view__a_good_end_reads_well.snap"),
    ] {
        let shown = snapshot.splitn(3, "---\n").nth(2).expect("a snapshot").trim_end();
        assert!(PAGE.contains(shown), "docs/messages.md does not show this any more:\n{shown}");
    }
}

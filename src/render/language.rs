//! The built-in sentences, one table a language. Numbers, names and the program's own words are
//! put into `{braces}`; the word order is the language's own.

use serde::{Deserialize, Serialize};

/// `run.language` of the rules file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    #[default]
    En,
    Zh,
    Ja,
    Ko,
}

#[derive(Debug)]
pub(crate) struct Phrases {
    pub(crate) finished: &'static str,
    pub(crate) failed: &'static str,
    pub(crate) failed_because: &'static str,
    pub(crate) killed: &'static str,
    pub(crate) killed_because: &'static str,
    pub(crate) out_of_memory: &'static str,
    pub(crate) interrupted: &'static str,
    pub(crate) time_limit: &'static str,
    pub(crate) preempted: &'static str,
    pub(crate) ended_unknown: &'static str,
    pub(crate) restarting: &'static str,
    pub(crate) restarts: &'static str,
    pub(crate) likely: &'static str,
    pub(crate) not_proven: &'static str,
    pub(crate) condition: &'static str,
    pub(crate) held_samples: &'static str,
    pub(crate) held_time: &'static str,
    pub(crate) resolved: &'static str,
    pub(crate) non_finite: &'static str,
    pub(crate) silent: &'static str,
    pub(crate) silent_lines: &'static str,
    pub(crate) silent_steps: &'static str,
    pub(crate) silent_pattern: &'static str,
    pub(crate) output_resumed: &'static str,
    pub(crate) due: &'static str,
    pub(crate) elapsed: &'static str,
    pub(crate) times_within: &'static str,
    pub(crate) held_back: &'static str,
    pub(crate) untold: &'static str,
    pub(crate) last_line: &'static str,
    pub(crate) at_place: &'static str,
    pub(crate) on_rank: &'static str,
    pub(crate) field_progress: &'static str,
    pub(crate) field_elapsed: &'static str,
    pub(crate) progress: &'static str,
    pub(crate) remaining: &'static str,
    pub(crate) template_failed: &'static str,
    pub(crate) repeat: &'static str,
    pub(crate) card_running: &'static str,
    pub(crate) card_unwatched: &'static str,
    pub(crate) card_not_started: &'static str,
    pub(crate) broken: &'static str,
    pub(crate) broken_meaning: &'static str,
    pub(crate) gone: &'static str,
    pub(crate) gone_meaning: &'static str,
    pub(crate) lost: &'static str,
    pub(crate) lost_meaning: &'static str,
    pub(crate) resumed: &'static str,
    pub(crate) no_sign_of_life: &'static str,
    pub(crate) no_sign_of_life_meaning: &'static str,
    pub(crate) last_figures: &'static str,
    pub(crate) heard_again: &'static str,
}

impl Language {
    /// As the rules file writes them: ISO 639-1.
    pub const CODES: [&'static str; 4] = ["en", "zh", "ja", "ko"];

    /// From its code; none for another one.
    pub fn from_code(code: &str) -> Option<Self> {
        match code {
            "en" => Some(Self::En),
            "zh" => Some(Self::Zh),
            "ja" => Some(Self::Ja),
            "ko" => Some(Self::Ko),
            _ => None,
        }
    }

    pub(crate) fn phrases(self) -> &'static Phrases {
        match self {
            Self::En => &EN,
            Self::Zh => &ZH,
            Self::Ja => &JA,
            Self::Ko => &KO,
        }
    }
}

/// Puts values into a phrase. What is put in is not looked at again.
pub(crate) fn fill(phrase: &str, values: &[(&str, &str)]) -> String {
    let mut text = String::with_capacity(phrase.len() + 32);
    let mut rest = phrase;
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        let Some((name, after)) = after.split_once('}') else {
            text.push('{');
            rest = after;
            continue;
        };
        if let Some((_, value)) = values.iter().find(|(known, _)| *known == name) {
            text.push_str(value);
        }
        rest = after;
    }
    text.push_str(rest);
    text
}

const EN: Phrases = Phrases {
    finished: "{run} finished in {elapsed}",
    failed: "{run} failed after {elapsed} ({status})",
    failed_because: "{run} failed after {elapsed}: {cause} ({status})",
    killed: "{run} was killed by {status} after {elapsed}",
    killed_because: "{run} was killed by {status} after {elapsed}: {cause}",
    out_of_memory: "{run} ran out of memory after {elapsed}: {cause} ({status})",
    interrupted: "{run} was interrupted after {elapsed}: {cause} ({status})",
    time_limit: "{run} was stopped at its time limit after {elapsed}: {cause} ({status})",
    preempted: "{run} was preempted after {elapsed}: {cause} ({status})",
    ended_unknown: "{run} ended after {elapsed}; how is not known",
    restarting: "{end}; it is started again in {time} (restart {attempt} of {most})",
    restarts: "Restarts: {count}.",
    likely: "likely {cause}",
    not_proven: "the cause is not proven",
    condition: "{values}: {condition}",
    held_samples: ", for {count} samples",
    held_time: ", for {time}",
    resolved: "no longer {condition}: {values}",
    non_finite: "{metric} is {value}",
    silent: "no output for {time}",
    silent_lines: "output, but no line and nothing new in it for {time}",
    silent_steps: "lines are printed, but no step was made for {time}",
    silent_pattern: "no line matches `{pattern}` for {time}",
    output_resumed: "output resumed",
    due: "{run} is running: {values}",
    elapsed: "{run} has been running for {time}",
    times_within: " ({count} times within {time})",
    held_back: "{count} more were held back since the last message.",
    untold: "Held back until the end: {rules}.",
    last_line: "The last line was: {line}",
    at_place: "At {place}.",
    on_rank: "On rank {rank}.",
    field_progress: "progress",
    field_elapsed: "elapsed",
    progress: "{unit} {done} of {total}",
    remaining: ", {time} left",
    template_failed: "The rule's `message` could not be filled in: {error}",
    repeat: "May be a repeat: the watcher was restarted.",
    card_running: "{run} is running",
    card_unwatched: "{run} is no longer watched, after {elapsed}",
    card_not_started: "{run} could not be started",
    broken: "{run} is judged no more: a bug in watch",
    broken_meaning: "The run goes on, and its end is still told. No alert and no metric will be until then: a bug in watch stopped that. Please report it.",
    gone: "The watcher of {run} is gone.",
    gone_meaning: "It ended without a word: killed, or out of memory. Whether the run goes on is not known, and nothing more will be told about it.",
    lost: "{run} was lost: no sign of life for {time}",
    lost_meaning: "Its watcher ended without a word: it was killed, or the machine was restarted. What became of the run is not known. The figures are its last ones, of {at}.",
    resumed: "{run} was started again on {host} and goes on here",
    no_sign_of_life: "no sign of life from {host} since {since}",
    no_sign_of_life_meaning: "Nothing was heard of {run} for {time}: the machine is down or cut off from the network, or the watcher is stopped. Whether the run goes on is not known.",
    last_figures: "; last: {figures}",
    heard_again: "{run} is heard of again, after {time}",
};

const ZH: Phrases = Phrases {
    finished: "{run} 已完成，用时 {elapsed}",
    failed: "{run} 运行 {elapsed} 后失败（{status}）",
    failed_because: "{run} 运行 {elapsed} 后失败：{cause}（{status}）",
    killed: "{run} 运行 {elapsed} 后被 {status} 终止",
    killed_because: "{run} 运行 {elapsed} 后被 {status} 终止：{cause}",
    out_of_memory: "{run} 运行 {elapsed} 后内存不足：{cause}（{status}）",
    interrupted: "{run} 运行 {elapsed} 后被中断：{cause}（{status}）",
    time_limit: "{run} 运行 {elapsed} 后达到时间限制：{cause}（{status}）",
    preempted: "{run} 运行 {elapsed} 后被抢占：{cause}（{status}）",
    ended_unknown: "{run} 运行 {elapsed} 后结束，方式未知",
    restarting: "{end}；将在 {time} 后重新启动（第 {attempt}/{most} 次）",
    restarts: "重启次数：{count}。",
    likely: "可能是 {cause}",
    not_proven: "原因未经证实",
    condition: "{values}：{condition}",
    held_samples: "，持续 {count} 个样本",
    held_time: "，持续 {time}",
    resolved: "不再满足 {condition}：{values}",
    non_finite: "{metric} 为 {value}",
    silent: "已有 {time} 没有输出",
    silent_lines: "有输出，但已有 {time} 没有新行，也没有新内容",
    silent_steps: "有新行，但已有 {time} 没有前进一步",
    silent_pattern: "已有 {time} 没有匹配 `{pattern}` 的行",
    output_resumed: "输出已恢复",
    due: "{run} 正在运行：{values}",
    elapsed: "{run} 已运行 {time}",
    times_within: "（{time} 内 {count} 次）",
    held_back: "自上一条消息以来还有 {count} 条未发送。",
    untold: "直到结束仍未发送：{rules}。",
    last_line: "最后一行：{line}",
    at_place: "位置：{place}。",
    on_rank: "rank {rank}。",
    field_progress: "进度",
    field_elapsed: "已用时间",
    progress: "{unit} {done}/{total}",
    remaining: "，剩余 {time}",
    template_failed: "规则的 `message` 无法填充：{error}",
    repeat: "可能是重复消息：监视程序曾重新启动。",
    card_running: "{run} 正在运行",
    card_unwatched: "{run} 已不再被监视，此前监视了 {elapsed}",
    card_not_started: "{run} 无法启动",
    broken: "{run} 的输出不再被判断：watch 出现错误",
    broken_meaning: "运行仍在继续，结束时仍会通知。在此之前不再有警报和指标：watch 的错误中止了判断。请报告此问题。",
    gone: "{run} 的监视程序已消失。",
    gone_meaning: "它没有留下任何消息就结束了：可能被终止，或内存不足。运行是否仍在继续无从得知，此后不再有关于它的消息。",
    lost: "{run} 已失联：{time} 没有任何迹象",
    lost_meaning: "监视程序没有留下任何消息就结束了：被终止，或机器被重启。运行的情况未知。数值为最后一次的，时间 {at}。",
    resumed: "{run} 已在 {host} 上重新启动，在此继续",
    no_sign_of_life: "自 {since} 起没有 {host} 的任何迹象",
    no_sign_of_life_meaning: "{time} 内没有 {run} 的消息：机器已停机、断网，或监视程序已暂停。运行是否仍在继续无从得知。",
    last_figures: "；最后：{figures}",
    heard_again: "{run} 在 {time} 后恢复了联系",
};

const JA: Phrases = Phrases {
    finished: "{run} は {elapsed} で完了しました",
    failed: "{run} は {elapsed} 後に失敗しました（{status}）",
    failed_because: "{run} は {elapsed} 後に失敗しました：{cause}（{status}）",
    killed: "{run} は {elapsed} 後に {status} で強制終了されました",
    killed_because: "{run} は {elapsed} 後に {status} で強制終了されました：{cause}",
    out_of_memory: "{run} は {elapsed} 後にメモリ不足になりました：{cause}（{status}）",
    interrupted: "{run} は {elapsed} 後に中断されました：{cause}（{status}）",
    time_limit: "{run} は {elapsed} 後に時間制限で停止しました：{cause}（{status}）",
    preempted: "{run} は {elapsed} 後にプリエンプトされました：{cause}（{status}）",
    ended_unknown: "{run} は {elapsed} 後に終了しました（終了方法は不明）",
    restarting: "{end}。{time} 後に再起動します（{attempt}/{most} 回目）",
    restarts: "再起動の回数：{count}。",
    likely: "おそらく {cause}",
    not_proven: "原因は確認できていません",
    condition: "{values}：{condition}",
    held_samples: "（{count} サンプル継続）",
    held_time: "（{time} 継続）",
    resolved: "{condition} は解消しました：{values}",
    non_finite: "{metric} が {value} です",
    silent: "{time} 出力がありません",
    silent_lines: "出力はありますが、{time} 新しい行も内容もありません",
    silent_steps: "行は出力されていますが、{time} ステップが進んでいません",
    silent_pattern: "`{pattern}` に一致する行が {time} ありません",
    output_resumed: "出力が再開しました",
    due: "{run} は実行中です：{values}",
    elapsed: "{run} は {time} 実行されています",
    times_within: "（{time} 以内に {count} 回）",
    held_back: "前回のメッセージ以降、さらに {count} 件が保留されました。",
    untold: "最後まで通知を控えたもの：{rules}。",
    last_line: "最後の行：{line}",
    at_place: "場所：{place}。",
    on_rank: "ランク {rank}。",
    field_progress: "進捗",
    field_elapsed: "経過時間",
    progress: "{unit} {done}/{total}",
    remaining: "、残り {time}",
    template_failed: "ルールの `message` を展開できません：{error}",
    repeat: "監視が再起動したため、重複の可能性があります。",
    card_running: "{run} は実行中です",
    card_unwatched: "{run} の監視は {elapsed} で終わりました",
    card_not_started: "{run} を開始できませんでした",
    broken: "{run} の出力は判定されなくなりました：watch の不具合です",
    broken_meaning: "実行は続いており、終了は通知されます。watch の不具合により、それまでアラートもメトリクスもありません。不具合を報告してください。",
    gone: "{run} の監視プログラムがなくなりました。",
    gone_meaning: "何も告げずに終了しました（強制終了またはメモリ不足）。実行が続いているかどうかは不明で、以後この実行についての通知はありません。",
    lost: "{run} は失われました：{time} 応答がありません",
    lost_meaning: "監視プログラムが何も告げずに終了しました（強制終了またはマシンの再起動）。実行がどうなったかは不明です。数値は {at} の最後のものです。",
    resumed: "{run} は {host} で再開されました。ここで続けます",
    no_sign_of_life: "{since} 以降 {host} から応答がありません",
    no_sign_of_life_meaning: "{run} について {time} 何も届いていません：マシンの停止、ネットワークの切断、または監視プログラムの一時停止です。実行が続いているかどうかは不明です。",
    last_figures: "（最後：{figures}）",
    heard_again: "{run} から {time} ぶりに応答がありました",
};

const KO: Phrases = Phrases {
    finished: "{run} 완료, 소요 시간 {elapsed}",
    failed: "{run} {elapsed} 후 실패 ({status})",
    failed_because: "{run} {elapsed} 후 실패: {cause} ({status})",
    killed: "{run} {elapsed} 후 {status}(으)로 종료됨",
    killed_because: "{run} {elapsed} 후 {status}(으)로 종료됨: {cause}",
    out_of_memory: "{run} {elapsed} 후 메모리 부족: {cause} ({status})",
    interrupted: "{run} {elapsed} 후 중단됨: {cause} ({status})",
    time_limit: "{run} {elapsed} 후 시간 제한으로 중지됨: {cause} ({status})",
    preempted: "{run} {elapsed} 후 선점됨: {cause} ({status})",
    ended_unknown: "{run} {elapsed} 후 종료됨 (종료 방식 알 수 없음)",
    restarting: "{end}; {time} 후 다시 시작 (재시작 {attempt}/{most})",
    restarts: "재시작 횟수: {count}.",
    likely: "아마도 {cause}",
    not_proven: "원인은 확인되지 않음",
    condition: "{values}: {condition}",
    held_samples: ", {count}개 샘플 동안",
    held_time: ", {time} 동안",
    resolved: "{condition} 해소됨: {values}",
    non_finite: "{metric} 값이 {value}",
    silent: "{time} 동안 출력 없음",
    silent_lines: "출력은 있으나 {time} 동안 새 줄도 새 내용도 없음",
    silent_steps: "줄은 출력되나 {time} 동안 스텝이 진행되지 않음",
    silent_pattern: "{time} 동안 `{pattern}`와 일치하는 줄 없음",
    output_resumed: "출력 재개됨",
    due: "{run} 실행 중: {values}",
    elapsed: "{run} {time} 동안 실행 중",
    times_within: " ({time} 내 {count}회)",
    held_back: "마지막 메시지 이후 {count}건이 보류되었습니다.",
    untold: "끝까지 보류됨: {rules}.",
    last_line: "마지막 줄: {line}",
    at_place: "위치: {place}.",
    on_rank: "랭크 {rank}.",
    field_progress: "진행률",
    field_elapsed: "경과 시간",
    progress: "{unit} {done}/{total}",
    remaining: ", {time} 남음",
    template_failed: "규칙의 `message`를 채울 수 없습니다: {error}",
    repeat: "감시 프로그램이 다시 시작되어 중복된 알림일 수 있습니다.",
    card_running: "{run} 실행 중",
    card_unwatched: "{run} 감시가 {elapsed} 후 종료됨",
    card_not_started: "{run} 시작 실패",
    broken: "{run} 출력이 더 이상 판정되지 않음: watch의 버그",
    broken_meaning: "실행은 계속되며 종료는 알립니다. watch의 버그로 그때까지 알림과 메트릭이 없습니다. 버그를 신고해 주세요.",
    gone: "{run} 감시 프로그램이 사라졌습니다.",
    gone_meaning: "아무 말 없이 끝났습니다(강제 종료 또는 메모리 부족). 실행이 계속되는지는 알 수 없으며, 이후로는 이 실행에 대한 알림이 없습니다.",
    lost: "{run} 유실됨: {time} 동안 응답 없음",
    lost_meaning: "감시 프로그램이 아무 말 없이 끝났습니다(강제 종료 또는 기기 재시작). 실행이 어떻게 되었는지는 알 수 없습니다. 수치는 {at}의 마지막 값입니다.",
    resumed: "{run}이(가) {host}에서 다시 시작되어 여기서 계속됩니다",
    no_sign_of_life: "{since} 이후 {host}에서 응답이 없습니다",
    no_sign_of_life_meaning: "{time} 동안 {run} 소식이 없습니다: 기기가 꺼졌거나 네트워크가 끊겼거나 감시 프로그램이 멈췄습니다. 실행이 계속되는지는 알 수 없습니다.",
    last_figures: "; 마지막: {figures}",
    heard_again: "{run}의 소식이 {time} 만에 다시 왔습니다",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_data_and_never_filled_in_again() {
        assert_eq!(fill("{a}: {b}", &[("a", "{b}"), ("b", "x{")]), "{b}: x{");
        assert_eq!(fill("open { brace", &[]), "open { brace");
    }
}

//! The courier's own side: reads its standard input, runs the workers, writes notices.

use std::fmt::{self, Display};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{self, BufRead, BufReader, Read as _, Write as _};
use std::rc::Rc;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::{JoinSet, LocalSet};
use tokio::time::Instant;

use crate::channels::{self, Channel, ChannelConfig};
use crate::courier::attempt::Unusable;
use crate::courier::gone::{gone, watcher_gone};
use crate::courier::mailbox::Mailbox;
use crate::courier::protocol::{END, Notice, Settings};
use crate::courier::worker::{Shared, Worker};
use crate::outbox::Outbox;
use crate::time::Timestamp;

/// The longest line that is read from the supervisor; its settings are a few kilobytes.
const LONGEST_LINE: u64 = 1 << 20;

/// Makes a channel, or says why there is none.
pub type Build = dyn Fn(&ChannelConfig) -> Result<Box<dyn Channel>, String>;

/// What the courier needs from outside; tests give it channels and a clock of their own.
pub struct Ports {
    pub build: Box<Build>,
    pub clock: Rc<dyn Fn() -> Timestamp>,
    /// Never blocks.
    pub tell: Rc<dyn Fn(&Notice)>,
}

impl fmt::Debug for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ports")
    }
}

/// What is known of the supervisor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It runs; the number changes with each wake-up.
    Running(u64),
    /// The run ended, and everything about it is in the outbox.
    Ended,
    /// It is gone without having said so.
    Gone,
}

/// The verb `watch courier`: serves the supervisor at the other end of standard input and output.
/// An error here is seen by nobody but a person who typed the verb.
pub fn run_from_stdin<E: Display>(
    build: impl Fn(&ChannelConfig) -> Result<Box<dyn Channel>, E> + 'static,
    clock: impl Fn() -> Timestamp + 'static,
) -> io::Result<()> {
    // A session of its own: no hang-up and no interrupt of the terminal reaches it. It fails only
    // for a leader of a process group, which a person's shell makes of a verb typed by hand.
    let _ = rustix::process::setsid();
    let mut input = BufReader::new(io::stdin());
    let first = read_line(&mut input)?.unwrap_or_default();
    let settings: Settings = serde_json::from_str(&first).map_err(|error| {
        // Its text could quote the line, and so a secret.
        let place = format!("column {}", error.column());
        io::Error::new(io::ErrorKind::InvalidData, format!("no settings on stdin ({place})"))
    })?;
    set_nonblocking(io::stdout())?;
    let (stage, stages) = watch::channel(Stage::Running(0));
    std::thread::Builder::new()
        .name("supervisor".to_owned())
        .spawn(move || listen(input, &stage))?;
    let ports = Ports {
        build: Box::new(move |config| build(config).map_err(|error| error.to_string())),
        clock: Rc::new(clock),
        tell: Rc::new(tell),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let _outlive = outlive_signals()?;
        deliver(settings, ports, stages).await.map_err(io::Error::other)
    })
}

/// A batch system's SIGTERM goes to every process of the job. It is often the very reason of the
/// end that is still to be told, so the courier goes on until it is told or SIGKILL comes.
fn outlive_signals() -> io::Result<Vec<Signal>> {
    let kinds = [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()];
    kinds.into_iter().map(signal).collect()
}

/// Delivers what is in the outbox, until the run ended and all of it is delivered or set aside.
pub async fn deliver(
    settings: Settings,
    ports: Ports,
    mut stages: watch::Receiver<Stage>,
) -> Result<(), crate::outbox::OutboxError> {
    let outbox = Outbox::open(&settings.state_dir)?;
    let now = (ports.clock)();
    let configs: Vec<&ChannelConfig> = settings.channels.iter().filter(is_ours).collect();
    let names = configs.iter().map(|config| config.name.clone()).collect();
    let shared = Rc::new(Shared {
        outbox: outbox.clone(),
        mailbox: Mailbox::new(outbox, &settings.run.id, names).into(),
        clock: Rc::clone(&ports.clock),
        tell: Rc::clone(&ports.tell),
        busy: Default::default(),
        told: Default::default(),
        farewell: Default::default(),
        trouble: Default::default(),
    });
    if let Err(error) = shared.outbox.sweep(now) {
        shared.trouble(error.to_string());
    }
    let (end, ended) = watch::channel(None);
    let local = LocalSet::new();
    let mut workers = JoinSet::new();
    for worker in workers_of(&settings, &configs, &ports, &shared) {
        workers.spawn_local_on(worker.work(stages.clone(), ended.clone()), &local);
    }
    local
        .run_until(async {
            let last = stages.wait_for(|stage| !matches!(stage, Stage::Running(_))).await;
            // Not kept: it locks the value.
            let last = last.ok().map(|stage| *stage);
            if last != Some(Stage::Ended) {
                tell_that_it_is_gone(&settings, &configs, &shared);
            }
            let _ = end.send(Some(Instant::now()));
            while let Some(result) = workers.join_next().await {
                if result.is_err() {
                    shared.trouble("a delivery worker broke down; this is a bug".to_owned());
                }
            }
        })
        .await;
    Ok(())
}

pub(super) fn is_ours(config: &&ChannelConfig) -> bool {
    config.settings != channels::Settings::Terminal
}

fn workers_of(
    settings: &Settings,
    configs: &[&ChannelConfig],
    ports: &Ports,
    shared: &Rc<Shared>,
) -> Vec<Worker> {
    let built: Vec<_> = configs.iter().map(|config| (ports.build)(config)).collect();
    let usable: Vec<bool> = built.iter().map(Result::is_ok).collect();
    // The next one after it in the order of the rules file that can be used.
    let fallback = |index: usize| {
        let others = (1..configs.len()).map(|step| (index + step) % configs.len());
        let mut usable = others.filter(|other| usable.get(*other) == Some(&true));
        usable.next().and_then(|other| configs.get(other)).map(|config| config.name.clone())
    };
    built
        .into_iter()
        .enumerate()
        .zip(configs)
        .map(|((index, channel), config)| {
            let channel = channel.unwrap_or_else(|reason| Box::new(Unusable(reason)));
            let mut seed = DefaultHasher::new();
            (&settings.run.id, &config.name).hash(&mut seed);
            let shared = Rc::clone(shared);
            Worker::new(
                &settings.run.id,
                &config.name,
                channel,
                fallback(index),
                seed.finish(),
                shared,
            )
        })
        .collect()
}

/// Not if the run's end was told: then the supervisor merely died before it could say goodbye.
fn tell_that_it_is_gone(settings: &Settings, configs: &[&ChannelConfig], shared: &Shared) {
    shared.refresh();
    if shared.mailbox.borrow().saw_end {
        return;
    }
    let now = (shared.clock)();
    let (cards, run) = (shared.outbox.cards(), &settings.run.id);
    let card = gone(&settings.run, cards.read(run), now);
    let message = watcher_gone(&card);
    if let Err(error) = cards.write(run, &card) {
        shared.trouble(format!("cannot keep the card of {run}: {error}"));
        *shared.farewell.borrow_mut() = Some(card.message);
    }
    for config in configs {
        match shared.outbox.commit(&message, &config.name, run, &[], now) {
            Ok(committed) => {
                committed.notice.into_iter().for_each(|notice| shared.trouble(notice));
            }
            Err(error) => {
                shared.trouble(error.to_string());
                let entry = shared.outbox.entry(message.clone(), &config.name, run, now);
                shared.mailbox.borrow_mut().hold(entry);
            }
        }
    }
}

/// Reads wake-ups until the supervisor says that the run ended, or is gone. Runs on its own thread,
/// since standard input cannot be read without blocking on every platform.
fn listen(mut input: impl BufRead, stage: &watch::Sender<Stage>) {
    let mut wakes = 0_u64;
    while let Ok(Some(line)) = read_line(&mut input) {
        if line == END {
            stage.send_replace(Stage::Ended);
            return;
        }
        wakes = wakes.wrapping_add(1);
        stage.send_replace(Stage::Running(wakes));
    }
    stage.send_replace(Stage::Gone);
}

/// A whole line without its end; none at EOF, also in the middle of a line.
pub(super) fn read_line(input: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    input.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line)?;
    if line.pop() != Some(b'\n') {
        return Ok(None);
    }
    String::from_utf8(line)
        .map(Some)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "a line is not UTF-8"))
}

/// One write a notice; dropped if the supervisor is gone or does not read.
fn tell(notice: &Notice) {
    if let Ok(mut line) = serde_json::to_string(notice) {
        line.push('\n');
        let mut output = io::stdout().lock();
        let _ = output.write_all(line.as_bytes());
        let _ = output.flush();
    }
}

pub(super) fn set_nonblocking(fd: impl std::os::fd::AsFd) -> io::Result<()> {
    let flags = rustix::fs::fcntl_getfl(&fd)?;
    Ok(rustix::fs::fcntl_setfl(&fd, flags | rustix::fs::OFlags::NONBLOCK)?)
}

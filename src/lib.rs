//! `watch` supervises a training run, judges what it prints against rules, and tells its people.
//!
//! Data flows one way. Modules are listed in reading order; each uses only those above it.
//!
//! ```text
//!  child: pty | pipes ─┐                       pure and synchronous: engine/ and render/
//!  files being tailed ─┼─ sources ─ chunk ─▶ splitter ─ line ─▶ facts ─▶ rules ─▶ cooldown ─▶ Alert
//!  old logs (replay) ──┘  (bytes, received at)          (match, sample)  ▲                     │
//!  process ─ started, stopped, ended ────────────────────────────────────┘       render: text, chart
//!                                                                                       Message ▼
//!  ── supervisor process ──────────────────────────────────────────────────────── outbox (fsync) ──
//!  ── courier process ──   Slack, … ◀─ delivery worker per channel ◀─ due entries ◀── outbox ──────
//! ```
//!
//! `ARCHITECTURE.md` says why, and what each room must not know.

pub mod error;
pub mod time;

pub mod channels;
pub mod commands;
pub mod config;
pub mod courier;
pub mod engine;
pub mod outbox;
pub mod process;
pub mod render;
pub mod runtime;
pub mod sources;

pub mod cli;
pub mod handover;

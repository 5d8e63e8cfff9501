//! Parses, runs the verb, turns the result into an exit.

use std::env;
use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use trainwatch::cli::Cli;
use trainwatch::commands::{self, Exit};
use trainwatch::error::EXIT_OWN_FAILURE;
use trainwatch::{handover, process};

fn main() -> ExitCode {
    let args: Vec<OsString> = env::args_os().skip(1).collect();
    let verbs =
        Cli::command().get_subcommands().map(|verb| verb.get_name().to_owned()).collect::<Vec<_>>();
    if !handover::is_ours(&args, &verbs) {
        return handover::hand_over(&args).report();
    }
    if args.is_empty() {
        let _ = Cli::command().print_help();
        return ExitCode::SUCCESS;
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() {
                ExitCode::from(EXIT_OWN_FAILURE)
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    match commands::dispatch(cli) {
        Ok(Exit::Code(code)) => ExitCode::from(code),
        Ok(Exit::Like(status)) => process::die_like(status),
        Err(error) => error.report(),
    }
}

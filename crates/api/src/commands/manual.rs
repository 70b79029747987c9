//! What `--help` and the manual pages say beyond names: examples, exit codes, variables.
//!
//! The words are data (`pages`), so that tests can hold them to the commands: each command has a page, and each example
//! is a command line that is understood.

mod pages;

use std::{fmt::Write as _, fs::File, io, path::Path};

use clap::Command;
use clap_mangen::{
    Man,
    roff::{Roff, roman},
};
use pages::{PAGES, Page};

/// What every command that reads settings heeds.
const VARIABLES: [(&str, &str); 2] = [
    ("LYCEUM_ENV", "development (default), test, staging or production"),
    ("LYCEUM_CONFIG_DIR", "the folder of default.toml and the files of the environments (default: config)"),
];
/// Where the rest is.
const SETTINGS: &str = "Every setting is a variable too, and may stand in .env: see `lyceum config reference`.";

/// The command with its manual: after the options, for it and all below it.
pub fn with_manual(command: Command) -> Command {
    below(command, "")
}

fn below(command: Command, path: &str) -> Command {
    let command = command.after_long_help(help(page(path)));
    command.mut_subcommands(|sub| {
        let path = joined(path, sub.get_name());
        below(sub, &path)
    })
}

fn joined(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path} {name}") }
}

/// The page of a command, which groups of commands have not.
fn page(path: &str) -> Option<&'static Page> {
    PAGES.iter().find(|page| page.command == path)
}

/// `0` and so on, with what they mean for a command.
fn exits(page: Option<&Page>) -> [(&'static str, &'static str); 3] {
    let usual = ("it is done", "it failed; the reason is on standard error");
    let (done, failed) = page.and_then(|page| page.exits).unwrap_or(usual);
    [("0", done), ("1", failed), ("2", "wrong usage or settings; each fault is on a line of its own")]
}

fn variables(page: Option<&Page>) -> impl Iterator<Item = (&'static str, &'static str)> {
    let own = page.map(|page| page.variables).unwrap_or_default();
    let general: &[_] = if page.is_some_and(|page| page.needs_no_settings) { &[] } else { &VARIABLES };
    own.iter().chain(general).copied()
}

fn help(page: Option<&Page>) -> String {
    let mut text = String::new();
    if let Some(page) = page {
        text.push_str("Examples:\n");
        for (what, line) in page.examples {
            let _ = writeln!(text, "  # {what}\n  {line}");
        }
        text.push('\n');
    }
    text.push_str("Exit codes:\n");
    for (code, meaning) in exits(page) {
        let _ = writeln!(text, "  {code}  {meaning}");
    }
    let variables: Vec<_> = variables(page).collect();
    if !variables.is_empty() {
        text.push_str("\nEnvironment:\n");
        let width = variables.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
        for (name, meaning) in &variables {
            let _ = writeln!(text, "  {name:width$}  {meaning}");
        }
        let _ = writeln!(text, "  {SETTINGS}");
    }
    text.truncate(text.trim_end().len());
    text
}

/// Writes the manual page of the whole program, as `man -l -` reads it.
pub fn write(command: Command, out: &mut dyn io::Write) -> io::Result<()> {
    let mut command = without_help(command);
    command.build();
    render(&command, "", out)
}

/// Writes a page for each command into a folder that is made if need be, and says how many.
pub fn write_all(command: Command, folder: &Path) -> io::Result<usize> {
    std::fs::create_dir_all(folder)?;
    let mut command = without_help(command);
    command.build();
    write_below(&command, "", folder)
}

/// `help` has no page: these are it.
fn without_help(command: Command) -> Command {
    command.disable_help_subcommand(true).mut_subcommands(without_help)
}

fn write_below(command: &Command, path: &str, folder: &Path) -> io::Result<usize> {
    let name = joined("lyceum", path).trim_end().replace(' ', "-");
    render(command, path, &mut File::create(folder.join(format!("{name}.1")))?)?;
    let mut subs = command.get_subcommands().filter(|sub| !sub.is_hide_set());
    subs.try_fold(1, |written, sub| Ok(written + write_below(sub, &joined(path, sub.get_name()), folder)?))
}

fn render(command: &Command, path: &str, out: &mut dyn io::Write) -> io::Result<()> {
    let man = Man::new(command.clone()).manual("Lyceum");
    man.render_title(out)?;
    man.render_name_section(out)?;
    man.render_synopsis_section(out)?;
    man.render_description_section(out)?;
    if command.get_arguments().next().is_some() {
        man.render_options_section(out)?;
    }
    if command.has_subcommands() {
        man.render_subcommands_section(out)?;
    }
    sections(page(path)).to_writer(out)
}

/// As the help has them, in the manual's own form.
fn sections(page: Option<&Page>) -> Roff {
    let mut roff = Roff::new();
    let list = |roff: &mut Roff, entries: &[(&str, &str)]| {
        for (name, meaning) in entries {
            roff.control("TP", []).text([clap_mangen::roff::bold(*name)]).text([roman(*meaning)]);
        }
    };
    if let Some(page) = page {
        roff.control("SH", ["EXAMPLES"]);
        for (what, line) in page.examples {
            // As it is, not filled up to whole lines.
            roff.control("PP", []).text([roman(format!("{what}:"))]);
            roff.control("RS", ["4"]).control("nf", []).text([roman(*line)]).control("fi", []).control("RE", []);
        }
    }
    roff.control("SH", ["EXIT STATUS"]);
    list(&mut roff, &exits(page));
    let variables: Vec<_> = variables(page).collect();
    if !variables.is_empty() {
        roff.control("SH", ["ENVIRONMENT"]);
        list(&mut roff, &variables);
        roff.control("PP", []).text([roman(SETTINGS)]);
    }
    roff
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::commands::Cli;

    fn commands(command: &Command, path: &str, found: &mut Vec<String>) {
        for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
            let path = joined(path, sub.get_name());
            if sub.has_subcommands() {
                commands(sub, &path, found);
            } else {
                found.push(path);
            }
        }
    }

    #[test]
    fn every_command_has_a_page_and_every_page_a_command() {
        let mut expected = vec![String::new()];
        commands(&Cli::command(), "", &mut expected);
        let mut found: Vec<_> = PAGES.iter().map(|page| page.command.to_owned()).collect();
        expected.sort();
        found.sort();
        assert_eq!(found, expected, "commands/manual/pages.rs");
        let bare: Vec<_> = PAGES.iter().filter(|page| page.examples.is_empty()).map(|page| page.command).collect();
        assert!(bare.is_empty(), "without an example: {bare:?}");
    }

    #[test]
    fn every_example_is_a_command_line_of_its_command() {
        for page in PAGES {
            for (_, line) in page.examples {
                let from = line.find("lyceum").unwrap_or_else(|| panic!("{line}"));
                let words = line[from..].split_whitespace().take_while(|word| !["|", ">", "&&"].contains(word));
                let words: Vec<_> = words.map(|word| word.trim_matches(['\'', '"'])).collect();
                let is_understood = match Cli::command().try_get_matches_from(&words) {
                    Ok(_) => true,
                    Err(other) => other.kind() == clap::error::ErrorKind::DisplayHelp,
                };
                assert!(is_understood, "{line}");
                assert!(words[1..].join(" ").starts_with(page.command), "{line} is no example of {}", page.command);
            }
        }
    }

    #[test]
    fn help_fits_a_terminal_and_says_what_is_needed() {
        let mut command = with_manual(Cli::command());
        command.build();
        let create = command.find_subcommand_mut("user").unwrap().find_subcommand_mut("create").unwrap();
        let help = create.render_long_help().to_string();
        for needed in ["Examples:", "--password-stdin", "Exit codes:\n  0  it is done", "Environment:", "LYCEUM_ENV"] {
            assert!(help.contains(needed), "{needed}:\n{help}");
        }
        for page in PAGES {
            let own = super::help(Some(page));
            let wide: Vec<_> = own.lines().filter(|line| line.chars().count() > 120).collect();
            assert!(wide.is_empty(), "{wide:?}");
        }
        assert!(!create.render_help().to_string().contains("Examples:"), "-h is short");
    }

    #[test]
    fn variables_that_are_named_are_settings() {
        let reference = crate::settings::reference();
        for (name, _) in PAGES.iter().flat_map(|page| page.variables) {
            assert!(reference.contains(&format!("`{name}`")), "{name}");
        }
    }

    #[test]
    fn each_command_has_a_manual_page() {
        let folder = tempfile::tempdir().unwrap();
        let written = write_all(with_manual(Cli::command()), folder.path()).unwrap();
        assert_eq!(written, std::fs::read_dir(folder.path()).unwrap().count());
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
        let page = read("lyceum-progress-rebuild.1");
        for needed in [".TH ", ".SH SYNOPSIS", "lyceum progress rebuild", ".SH EXAMPLES", ".SH \"EXIT STATUS\""] {
            assert!(page.contains(needed), "{needed}:\n{page}");
        }
        assert!(read("lyceum.1").contains("lyceum\\-course(1)"), "{}", read("lyceum.1"));
        assert!(!folder.path().join("lyceum-read-pdf.1").exists());
    }
}

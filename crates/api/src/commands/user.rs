//! `lyceum user`.

use std::io::Read as _;

use clap::Subcommand;
use lyceum_application::users::Registration;
use lyceum_domain::{
    invalid::Violations,
    policy::Actor,
    users::{Email, Identifier, Password, Role, Username},
};

use super::{Failure, Outcome};
use crate::{output::say, settings::Settings};

#[derive(Debug, Subcommand)]
pub enum User {
    /// Make an account that is active and verified.
    Create {
        /// The e-mail address.
        #[arg(long)]
        email: String,
        /// The username.
        #[arg(long)]
        username: String,
        /// `learner`, `mentor` or `admin`.
        #[arg(long, default_value = "learner")]
        role: String,
        /// Read the password from standard input: one line.
        #[arg(long, required = true)]
        password_stdin: bool,
    },
    /// Give an account another role.
    Promote {
        /// Username or e-mail address.
        user: String,
        /// `learner`, `mentor` or `admin`.
        #[arg(long)]
        role: String,
    },
    /// Bring a deleted account back, as long as it was not erased.
    Restore {
        /// Username or e-mail address.
        user: String,
    },
    /// Erase the accounts whose time of grace is over.
    Purge,
    /// Erase an account at once and for good, deleted or not.
    Erase {
        /// Username or e-mail address.
        user: String,
        /// That it is meant: nothing brings it back.
        #[arg(long, required = true)]
        yes: bool,
    },
}

pub async fn run(command: User, settings: &Settings) -> Outcome {
    match command {
        User::Create { email, username, role, .. } => {
            let mut violations = Violations::new();
            let role = violations.take("--role", Role::parse(&role));
            let email = violations.take("--email", Email::parse(&email));
            let username = violations.take("--username", Username::parse_reserved(&username));
            let raw = password_line()?;
            let password =
                violations.take("the password", Password::for_account(&raw, email.as_ref(), username.as_ref()));
            let (Some(role), Some(email), Some(username), Some(password)) = (role, email, username, password) else {
                return Err(Failure::Usage(violations.to_string()));
            };
            let registration = Registration { email, username, password, display_name: None };
            let user = super::lyceum(settings).await?.create_user(&Actor::System, registration, role).await?;
            say!("{} <{}> has the role {}, and the id {}.", user.username, user.email, user.role, user.id);
        }
        User::Promote { user, role } => {
            let role = Role::parse(&role).map_err(|invalid| Failure::Usage(format!("--role {invalid}")))?;
            let user = super::lyceum(settings).await?.promote(&Actor::System, &named(&user)?, role).await?;
            say!("{} has the role {} now.", user.username, user.role);
        }
        User::Restore { user } => {
            let user = super::lyceum(settings).await?.restore_account(&Actor::System, &named(&user)?).await?;
            say!("{} <{}> is back.", user.username, user.email);
        }
        User::Purge => {
            let lyceum = super::lyceum(settings).await?;
            let mut purged = 0;
            loop {
                match lyceum.purge_accounts(&Actor::System).await? {
                    0 => break,
                    more => purged += more,
                }
            }
            say!("{purged} accounts were erased.");
        }
        User::Erase { user, .. } => {
            super::lyceum(settings).await?.erase_account(&Actor::System, &named(&user)?).await?;
            say!("The account was erased.");
        }
    }
    Ok(())
}

/// Whom a name means; what cannot be one is nobody's.
fn named(user: &str) -> Result<Identifier, Failure> {
    Identifier::parse(user).ok_or_else(|| Failure::Failed(anyhow::anyhow!("there is no such account")))
}

fn password_line() -> std::io::Result<String> {
    let mut text = String::new();
    std::io::stdin().take(4096).read_to_string(&mut text)?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

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
use crate::settings::Settings;

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
            println!("{} <{}> has the role {}, and the id {}.", user.username, user.email, user.role, user.id);
        }
        User::Promote { user, role } => {
            let role = Role::parse(&role).map_err(|invalid| Failure::Usage(format!("--role {invalid}")))?;
            let nobody = || Failure::Failed(anyhow::anyhow!("there is no such account"));
            let identifier = Identifier::parse(&user).ok_or_else(nobody)?;
            let user = super::lyceum(settings).await?.promote(&Actor::System, &identifier, role).await?;
            println!("{} has the role {} now.", user.username, user.role);
        }
    }
    Ok(())
}

fn password_line() -> std::io::Result<String> {
    let mut text = String::new();
    std::io::stdin().take(4096).read_to_string(&mut text)?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

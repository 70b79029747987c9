//! Who may do what. Every use case asks here before it touches anything; nobody decides elsewhere.

use crate::{courses::CourseStatus, ids::UserId, users::Role};

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// Nobody we know.
    Anonymous,
    /// A signed-in user.
    User {
        /// Who.
        id: UserId,
        /// Their role now, not the one in their token.
        role: Role,
    },
    /// The operator at the command line.
    System,
}

impl Actor {
    /// The user who asks, if it is one.
    pub const fn user(&self) -> Option<UserId> {
        match self {
            Self::User { id, .. } => Some(*id),
            Self::Anonymous | Self::System => None,
        }
    }

    const fn role(&self) -> Option<Role> {
        match self {
            Self::User { role, .. } => Some(*role),
            Self::Anonymous | Self::System => None,
        }
    }

    fn is_at_least(&self, least: Role) -> bool {
        matches!(self, Self::System) || self.role().is_some_and(|role| role >= least)
    }

    fn is(&self, user: Option<UserId>) -> bool {
        self.user().is_some() && self.user() == user
    }
}

/// What somebody wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Register, verify, sign in.
    SignUp,
    /// Read or change one's own account and sessions.
    UseOwnAccount,
    /// Make accounts and give roles.
    ManageUsers,
    /// See the catalogue of published courses.
    ListCourses,
    /// See everybody's drafts in the catalogue.
    ListAllDrafts,
    /// Read a course and its lessons.
    ReadCourse {
        /// The course's status.
        status: CourseStatus,
        /// The course's author.
        author: Option<UserId>,
    },
    /// Make a course, by hand or by import.
    CreateCourse,
    /// Change a course.
    ChangeCourse {
        /// The course's author.
        author: Option<UserId>,
    },
    /// Enrol, and record progress.
    Learn {
        /// The course's status.
        status: CourseStatus,
        /// The course's author.
        author: Option<UserId>,
        /// Whether the learner is or was in it.
        is_known: bool,
    },
    /// Read one's own progress.
    ReadOwnProgress,
    /// Ask the mentor, and read one's own conversations.
    AskMentor,
}

/// Why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denied {
    /// Who asks must sign in first (401).
    SignIn,
    /// What is asked for must look as if it did not exist (404).
    Hidden,
    /// It is there, but not for them (403).
    Forbidden,
}

/// Whether `actor` may do `action`.
pub fn allow(actor: &Actor, action: &Action) -> Result<(), Denied> {
    match *action {
        Action::SignUp | Action::ListCourses => Ok(()),
        Action::UseOwnAccount | Action::ReadOwnProgress | Action::AskMentor => signed_in(actor),
        Action::ManageUsers | Action::ListAllDrafts => at_least(actor, Role::Admin),
        Action::CreateCourse => at_least(actor, Role::Mentor),
        Action::ReadCourse { status, author } => {
            let is_open = match status {
                CourseStatus::Published | CourseStatus::Archived => true,
                CourseStatus::Draft => false,
            };
            if is_open || owns(actor, author) { Ok(()) } else { Err(Denied::Hidden) }
        }
        Action::ChangeCourse { author } => {
            at_least(actor, Role::Mentor)?;
            if owns(actor, author) { Ok(()) } else { Err(Denied::Forbidden) }
        }
        Action::Learn { status, author, is_known } => {
            signed_in(actor)?;
            match status {
                CourseStatus::Published => Ok(()),
                CourseStatus::Archived if is_known => Ok(()),
                CourseStatus::Archived => Err(Denied::Forbidden),
                CourseStatus::Draft if owns(actor, author) => Ok(()),
                CourseStatus::Draft => Err(Denied::Hidden),
            }
        }
    }
}

fn signed_in(actor: &Actor) -> Result<(), Denied> {
    match actor {
        Actor::User { .. } => Ok(()),
        Actor::Anonymous => Err(Denied::SignIn),
        // The operator has no account of their own.
        Actor::System => Err(Denied::Forbidden),
    }
}

fn at_least(actor: &Actor, role: Role) -> Result<(), Denied> {
    match actor {
        Actor::Anonymous => Err(Denied::SignIn),
        _ if actor.is_at_least(role) => Ok(()),
        _ => Err(Denied::Forbidden),
    }
}

/// An author as long as they are a mentor, and every admin.
fn owns(actor: &Actor, author: Option<UserId>) -> bool {
    actor.is_at_least(Role::Admin) || (actor.is(author) && actor.is_at_least(Role::Mentor))
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use uuid::Uuid;

    /// The whole matrix, so that a change of a rule is seen by whoever reads the change.
    #[test]
    fn the_matrix_of_roles_and_actions() {
        let me = UserId::from_uuid(Uuid::from_u128(1));
        let own = Some(me);
        let other = Some(UserId::from_uuid(Uuid::from_u128(2)));
        let user = |role| Actor::User { id: me, role };
        let actors = [Actor::Anonymous, user(Role::Learner), user(Role::Mentor), user(Role::Admin), Actor::System];
        let read = |status, author| Action::ReadCourse { status, author };
        let learn = |status, is_known| Action::Learn { status, author: other, is_known };
        let actions = [
            ("sign up", Action::SignUp),
            ("own account", Action::UseOwnAccount),
            ("manage users", Action::ManageUsers),
            ("list courses", Action::ListCourses),
            ("list all drafts", Action::ListAllDrafts),
            ("read published", read(CourseStatus::Published, other)),
            ("read archived", read(CourseStatus::Archived, other)),
            ("read own draft", read(CourseStatus::Draft, own)),
            ("read other draft", read(CourseStatus::Draft, other)),
            ("read house draft", read(CourseStatus::Draft, None)),
            ("create course", Action::CreateCourse),
            ("change own course", Action::ChangeCourse { author: own }),
            ("change other course", Action::ChangeCourse { author: other }),
            ("learn published", learn(CourseStatus::Published, false)),
            ("learn draft", learn(CourseStatus::Draft, true)),
            ("learn archived, new", learn(CourseStatus::Archived, false)),
            ("learn archived, known", learn(CourseStatus::Archived, true)),
            ("own progress", Action::ReadOwnProgress),
            ("ask mentor", Action::AskMentor),
        ];
        let mut matrix = format!("{:22}|nobody |learner|mentor |admin  |system\n", "");
        for (name, action) in &actions {
            let _ = write!(matrix, "{name:22}");
            for actor in &actors {
                let cell = match allow(actor, action) {
                    Ok(()) => "yes",
                    Err(Denied::SignIn) => "401",
                    Err(Denied::Forbidden) => "403",
                    Err(Denied::Hidden) => "404",
                };
                let _ = write!(matrix, "|{cell:7}");
            }
            matrix.truncate(matrix.trim_end().len());
            matrix.push('\n');
        }
        insta::assert_snapshot!(matrix, @r"
                              |nobody |learner|mentor |admin  |system
        sign up               |yes    |yes    |yes    |yes    |yes
        own account           |401    |yes    |yes    |yes    |403
        manage users          |401    |403    |403    |yes    |yes
        list courses          |yes    |yes    |yes    |yes    |yes
        list all drafts       |401    |403    |403    |yes    |yes
        read published        |yes    |yes    |yes    |yes    |yes
        read archived         |yes    |yes    |yes    |yes    |yes
        read own draft        |404    |404    |yes    |yes    |yes
        read other draft      |404    |404    |404    |yes    |yes
        read house draft      |404    |404    |404    |yes    |yes
        create course         |401    |403    |yes    |yes    |yes
        change own course     |401    |403    |yes    |yes    |yes
        change other course   |401    |403    |403    |yes    |yes
        learn published       |401    |yes    |yes    |yes    |403
        learn draft           |401    |404    |404    |yes    |403
        learn archived, new   |401    |403    |403    |403    |403
        learn archived, known |401    |yes    |yes    |yes    |403
        own progress          |401    |yes    |yes    |yes    |403
        ask mentor            |401    |yes    |yes    |yes    |403
        ");
    }
}

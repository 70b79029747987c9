//! Who may do what. Every use case asks here before it touches anything; nobody decides elsewhere.

use crate::{
    courses::CourseStatus,
    ids::UserId,
    users::{ProfileVisibility, Role, Scope, Scopes},
};

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
        /// What the personal key is good for, if it is one that speaks for them; `None` if they signed in.
        key: Option<Scopes>,
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
    /// Read or change one's own profile.
    UseOwnProfile,
    /// What a stolen key must not do: sessions, passwords, keys, privacy, export and deletion of one's own account.
    SecureOwnAccount,
    /// Look at somebody's profile.
    ReadProfile {
        /// Whose.
        owner: UserId,
        /// Who they let see it.
        visibility: ProfileVisibility,
    },
    /// Make accounts, give roles and plans, switch accounts on and off, erase them.
    ManageUsers,
    /// Read the audit trail.
    ReadAudit,
    /// See what everybody asked of the mentor, and what it cost.
    SeeUsage,
    /// See and change what the server logs.
    SteerLogging,
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
    /// See who learns in a course, and how far they are.
    SeeCohort {
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
    /// Keep subjects and documents of one's own.
    UseOwnSubjects,
    /// What the server does by itself: remove what is over, count anew, read texts.
    KeepHouse,
    /// Ask the mentor, and read one's own conversations.
    AskMentor,
    /// See what an answer was made from. The words of learners are no business of admins; only of the operator, who has
    /// the database anyway.
    ExplainAnswer {
        /// Whose answer.
        owner: UserId,
    },
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
    /// It is for them, but not for the key that they use (403).
    Scope,
}

/// Whether `actor` may do `action`.
pub fn allow(actor: &Actor, action: &Action) -> Result<(), Denied> {
    match *action {
        Action::SignUp | Action::ListCourses => Ok(()),
        Action::UseOwnProfile
        | Action::SecureOwnAccount
        | Action::ReadOwnProgress
        | Action::UseOwnSubjects
        | Action::AskMentor => signed_in(actor),
        Action::ReadProfile { owner, visibility } => match visibility {
            ProfileVisibility::Public => Ok(()),
            _ if actor.is(Some(owner)) || actor.is_at_least(Role::Admin) => Ok(()),
            // Whoever is not signed in hears the same as about a name that nobody has.
            ProfileVisibility::Members => signed_in(actor).map_err(|_| Denied::Hidden),
            ProfileVisibility::Private => Err(Denied::Hidden),
        },
        Action::ManageUsers
        | Action::ReadAudit
        | Action::SeeUsage
        | Action::SteerLogging
        | Action::ListAllDrafts
        | Action::KeepHouse => at_least(actor, Role::Admin),
        Action::ExplainAnswer { owner } => match actor {
            Actor::System => Ok(()),
            _ if actor.is(Some(owner)) => Ok(()),
            _ => Err(Denied::Hidden),
        },
        Action::CreateCourse => at_least(actor, Role::Mentor),
        Action::ReadCourse { status, author } => {
            let is_open = match status {
                CourseStatus::Published | CourseStatus::Archived => true,
                CourseStatus::Draft => false,
            };
            if is_open || owns(actor, author) { Ok(()) } else { Err(Denied::Hidden) }
        }
        Action::ChangeCourse { author } | Action::SeeCohort { author } => {
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
    }?;
    within_key(actor, action)
}

/// Whether the key that speaks for the actor, if it is one, reaches as far as the action. Last: a key tells nobody more
/// than its user may know.
fn within_key(actor: &Actor, action: &Action) -> Result<(), Denied> {
    let Actor::User { key: Some(scopes), .. } = actor else { return Ok(()) };
    let is_reached = match action {
        // Open to everybody.
        Action::SignUp | Action::ListCourses => true,
        // A key sees what any member sees, and its own user's profile if it is good for that.
        Action::ReadProfile { owner, visibility } => {
            *visibility != ProfileVisibility::Private || (actor.is(Some(*owner)) && scopes.has(Scope::Profile))
        }
        Action::ReadCourse { status, .. } => *status != CourseStatus::Draft || scopes.has(Scope::Learning),
        Action::UseOwnProfile => scopes.has(Scope::Profile),
        Action::CreateCourse
        | Action::ChangeCourse { .. }
        | Action::SeeCohort { .. }
        | Action::Learn { .. }
        | Action::ReadOwnProgress
        | Action::UseOwnSubjects => scopes.has(Scope::Learning),
        Action::AskMentor | Action::ExplainAnswer { .. } => scopes.has(Scope::Ai),
        Action::SecureOwnAccount
        | Action::ManageUsers
        | Action::ReadAudit
        | Action::SeeUsage
        | Action::SteerLogging
        | Action::ListAllDrafts
        | Action::KeepHouse => false,
    };
    if is_reached { Ok(()) } else { Err(Denied::Scope) }
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
    #[expect(clippy::too_many_lines, reason = "a line for each action")]
    fn the_matrix_of_roles_and_actions() {
        let me = UserId::from_uuid(Uuid::from_u128(1));
        let own = Some(me);
        let you = UserId::from_uuid(Uuid::from_u128(2));
        let other = Some(you);
        let user = |role| Actor::User { id: me, role, key: None };
        let key = |scope| Actor::User { id: me, role: Role::Admin, key: Scopes::new([scope]).ok() };
        let actors = [
            Actor::Anonymous,
            user(Role::Learner),
            user(Role::Mentor),
            user(Role::Admin),
            Actor::System,
            key(Scope::Ai),
            key(Scope::Learning),
            key(Scope::Profile),
        ];
        let profile = |owner, visibility| Action::ReadProfile { owner, visibility };
        let read = |status, author| Action::ReadCourse { status, author };
        let learn = |status, is_known| Action::Learn { status, author: other, is_known };
        let actions = [
            ("sign up", Action::SignUp),
            ("own profile", Action::UseOwnProfile),
            ("own account", Action::SecureOwnAccount),
            ("public profile", profile(you, ProfileVisibility::Public)),
            ("members' profile", profile(you, ProfileVisibility::Members)),
            ("private profile", profile(you, ProfileVisibility::Private)),
            ("own private profile", profile(me, ProfileVisibility::Private)),
            ("manage users", Action::ManageUsers),
            ("read audit", Action::ReadAudit),
            ("see usage", Action::SeeUsage),
            ("steer logging", Action::SteerLogging),
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
            ("own cohort", Action::SeeCohort { author: own }),
            ("other's cohort", Action::SeeCohort { author: other }),
            ("own subjects", Action::UseOwnSubjects),
            ("keep house", Action::KeepHouse),
            ("ask mentor", Action::AskMentor),
            ("explain own answer", Action::ExplainAnswer { owner: me }),
            ("explain other's", Action::ExplainAnswer { owner: you }),
        ];
        let mut matrix =
            format!("{:22}|nobody |learner|mentor |admin  |system |ai key |learning key|profile key\n", "");
        for (name, action) in &actions {
            let _ = write!(matrix, "{name:22}");
            for actor in &actors {
                let cell = match allow(actor, action) {
                    Ok(()) => "yes",
                    Err(Denied::SignIn) => "401",
                    Err(Denied::Forbidden) => "403",
                    Err(Denied::Hidden) => "404",
                    Err(Denied::Scope) => "403 key",
                };
                let _ = write!(matrix, "|{cell:7}");
            }
            matrix.truncate(matrix.trim_end().len());
            matrix.push('\n');
        }
        insta::assert_snapshot!(matrix, @r"
                              |nobody |learner|mentor |admin  |system |ai key |learning key|profile key
        sign up               |yes    |yes    |yes    |yes    |yes    |yes    |yes    |yes
        own profile           |401    |yes    |yes    |yes    |403    |403 key|403 key|yes
        own account           |401    |yes    |yes    |yes    |403    |403 key|403 key|403 key
        public profile        |yes    |yes    |yes    |yes    |yes    |yes    |yes    |yes
        members' profile      |404    |yes    |yes    |yes    |yes    |yes    |yes    |yes
        private profile       |404    |404    |404    |yes    |yes    |403 key|403 key|403 key
        own private profile   |404    |yes    |yes    |yes    |yes    |403 key|403 key|yes
        manage users          |401    |403    |403    |yes    |yes    |403 key|403 key|403 key
        read audit            |401    |403    |403    |yes    |yes    |403 key|403 key|403 key
        see usage             |401    |403    |403    |yes    |yes    |403 key|403 key|403 key
        steer logging         |401    |403    |403    |yes    |yes    |403 key|403 key|403 key
        list courses          |yes    |yes    |yes    |yes    |yes    |yes    |yes    |yes
        list all drafts       |401    |403    |403    |yes    |yes    |403 key|403 key|403 key
        read published        |yes    |yes    |yes    |yes    |yes    |yes    |yes    |yes
        read archived         |yes    |yes    |yes    |yes    |yes    |yes    |yes    |yes
        read own draft        |404    |404    |yes    |yes    |yes    |403 key|yes    |403 key
        read other draft      |404    |404    |404    |yes    |yes    |403 key|yes    |403 key
        read house draft      |404    |404    |404    |yes    |yes    |403 key|yes    |403 key
        create course         |401    |403    |yes    |yes    |yes    |403 key|yes    |403 key
        change own course     |401    |403    |yes    |yes    |yes    |403 key|yes    |403 key
        change other course   |401    |403    |403    |yes    |yes    |403 key|yes    |403 key
        learn published       |401    |yes    |yes    |yes    |403    |403 key|yes    |403 key
        learn draft           |401    |404    |404    |yes    |403    |403 key|yes    |403 key
        learn archived, new   |401    |403    |403    |403    |403    |403    |403    |403
        learn archived, known |401    |yes    |yes    |yes    |403    |403 key|yes    |403 key
        own progress          |401    |yes    |yes    |yes    |403    |403 key|yes    |403 key
        own cohort            |401    |403    |yes    |yes    |yes    |403 key|yes    |403 key
        other's cohort        |401    |403    |403    |yes    |yes    |403 key|yes    |403 key
        own subjects          |401    |yes    |yes    |yes    |403    |403 key|yes    |403 key
        keep house            |401    |403    |403    |yes    |yes    |403 key|403 key|403 key
        ask mentor            |401    |yes    |yes    |yes    |403    |yes    |403 key|403 key
        explain own answer    |404    |yes    |yes    |yes    |yes    |yes    |403 key|403 key
        explain other's       |404    |404    |404    |404    |yes    |404    |404    |404
        ");
    }
}

//! The HTTP door of Lyceum: a thin actix-web crate that turns requests into calls of `lyceum-application`, and the
//! commands of the binary `lyceum`.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`commands`] | `serve`, `migrate`, `user`, `mail`, `course`, `progress`, `encryption`, `config`, `openapi`, `doctor`, `health` … |
//! | [`output`] | what commands say, also to nobody |
//! | [`backup`] | archives that hold all of an installation |
//! | [`machine`] | what the operating system says of the room that is left |
//! | [`books`] | books that become courses, and courses that become books |
//! | [`settings`] | every setting, its sources and checks |
//! | [`wiring`] | the one file that names adapters |
//! | [`server`], [`signals`], [`chores`] | listening, shutting down; what is done without being asked |
//! | [`logs`], [`metrics`], [`traces`] | what can be seen of all this from outside |
//! | [`pump`], [`instance`] | turns that outlive their requests; which servers are alive |
//! | [`routes`] | one module per noun: bodies and handlers |
//! | [`http`] | what all routes share: callers, bodies, pages, problems, headers |
//! | [`openapi`] | the document made from the routes, and the page at `/docs` |

pub mod ambient;
pub mod app;
pub mod backup;
pub mod books;
pub mod chores;
pub mod commands;
pub mod demo;
pub mod health;
pub mod http;
pub mod instance;
pub mod logs;
pub mod machine;
pub mod metrics;
pub mod openapi;
pub mod output;
pub mod pump;
pub mod routes;
pub mod server;
pub mod settings;
pub mod signals;
pub mod traces;
pub mod wiring;

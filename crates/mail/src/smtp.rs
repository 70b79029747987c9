//! Mail to a server.

use std::{
    fmt, mem,
    pin::pin,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use lettre::{
    AsyncSmtpTransport, AsyncTransport, Tokio1Executor,
    transport::smtp::{self, AsyncSmtpTransportBuilder},
};
use lyceum_domain::mail::{Mail, MailError, Mailer};
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;
use tokio::{runtime::Handle, time};

use crate::{
    message::{self, Transfer},
    sender::Sender,
};

type Transport = AsyncSmtpTransport<Tokio1Executor>;

/// Which server, from whom, and how long.
#[derive(Debug, Clone)]
pub struct SmtpSettings {
    /// `smtps://user:password@host:port` (TLS from the start, port 465 if none is given), or `smtp://…` with
    /// `?tls=required` (STARTTLS, port 587), with `?tls=opportunistic` (STARTTLS if the server has it: no protection
    /// from who sits between) or with neither (open, port 25). User and password come percent-encoded; without them
    /// nobody signs in. A path, as in `smtps://host/name`, is the name that greets the server.
    ///
    /// With TLS the server's certificate has to be one for `host` that the operating system trusts. On Linux the
    /// environment variable `SSL_CERT_FILE` names a file of other authorities, for a server within one's own walls.
    pub url: SecretString,
    /// From whom.
    pub from: Sender,
    /// How long the whole handover of a mail may take, the connection included.
    pub timeout: Duration,
}

/// Settings that no server can be reached with. They are not quoted: they hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SmtpSettingsError {
    /// No URL, or another scheme or `tls` than there are.
    #[error("the URL of the mail server has to be `smtps://…`, or `smtp://…` with `?tls=required` if it can be")]
    Url,
}

/// Hands mail to a server (RFC 5321) over connections that are kept for a minute and used again.
///
/// What the server refuses for good (5xx) is [`MailError::Refused`]; what it puts off (4xx), that it does not answer
/// or does not let us in (530, 534, 535, 538: another password mends it) is [`MailError::Unavailable`].
pub struct SmtpMailer {
    builder: AsyncSmtpTransportBuilder,
    /// Made when it is needed: it belongs to the runtime on which it was made.
    transport: Mutex<Option<Transport>>,
    from: Sender,
    timeout: Duration,
}

impl SmtpMailer {
    /// Reads the URL and connects to nothing yet.
    pub fn new(settings: SmtpSettings) -> Result<Self, SmtpSettingsError> {
        let SmtpSettings { url, from, timeout } = settings;
        // The reason may hold parts of the URL.
        let builder = Transport::from_url(url.expose_secret()).map_err(|_| SmtpSettingsError::Url)?;
        Ok(Self { builder: builder.timeout(Some(timeout)), transport: Mutex::new(None), from, timeout })
    }

    fn transport(&self) -> Transport {
        let mut slot = self.transport.lock().unwrap_or_else(PoisonError::into_inner);
        slot.get_or_insert_with(|| self.builder.clone().build()).clone()
    }

    fn forget_transport(&self) -> Option<Transport> {
        self.transport.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Talks with the server, but not longer than set: lettre itself waits for an answer for ever.
    async fn talk<T, F: Future<Output = Result<T, smtp::Error>>>(
        &self,
        talk: impl FnOnce(Transport) -> F,
    ) -> Result<Result<T, smtp::Error>, MailError> {
        let mut talk = pin!(time::timeout(self.timeout, talk(self.transport())));
        // After `talk`, so that it is dropped before.
        let mut unfinished = Unfinished(Some(self));
        let result = talk.as_mut().await.map_err(|elapsed| MailError::Unavailable(elapsed.into()))?;
        unfinished.0 = None;
        Ok(result)
    }

    async fn hand_over(&self, mail: &Mail, transfer: Transfer) -> Result<Result<(), smtp::Error>, MailError> {
        let message = message::build(mail, &self.from, transfer)?;
        self.talk(|transport| async move { transport.send(message).await.map(drop) }).await
    }
}

/// Takes the transport out of use if the conversation is left in the middle, for whatever reason. lettre puts such a
/// connection back with the others, and whoever uses it next takes the answers that were still to come for their own.
struct Unfinished<'a>(Option<&'a SmtpMailer>);

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if let Some(mailer) = self.0 {
            drop(mailer.forget_transport());
        }
    }
}

#[async_trait]
impl Mailer for SmtpMailer {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        message::check(mail)?;
        let mut sent = self.hand_over(mail, Transfer::EightBit).await?;
        // Few servers take no letters beyond ASCII (RFC 6152); lettre says so before it says anything to the server.
        let has_others = !mail.text.is_ascii() || !mail.html.is_ascii();
        if has_others && sent.as_ref().is_err_and(smtp::Error::is_client) {
            sent = self.hand_over(mail, Transfer::SevenBit).await?;
        }
        sent.map_err(failed)
    }

    /// Connects, signs in and asks for nothing.
    async fn check(&self) -> Result<(), MailError> {
        let connected = self.talk(|transport| async move { transport.test_connection().await }).await?;
        match connected {
            Ok(true) => Ok(()),
            Ok(false) => Err(MailError::Unavailable("the mail server does not answer".into())),
            Err(error) => Err(MailError::Unavailable(error.into())),
        }
    }
}

fn failed(error: smtp::Error) -> MailError {
    match error.status().map(u16::from) {
        Some(530 | 534 | 535 | 538) => MailError::Unavailable(error.into()),
        Some(_) if error.is_permanent() => MailError::Refused(error.to_string()),
        _ => MailError::Unavailable(error.into()),
    }
}

impl Drop for SmtpMailer {
    fn drop(&mut self) {
        // lettre says goodbye on the runtime and panics where there is none. The sockets close with the process, too.
        if Handle::try_current().is_err() {
            mem::forget(self.forget_transport());
        }
    }
}

impl fmt::Debug for SmtpMailer {
    /// The builder would print the user.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpMailer").field("from", &self.from).field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

"""What schemathesis is told beside its configuration: which refusals of good data are right, and how many requests it
sends. Found through SCHEMATHESIS_HOOKS."""

import atexit
import collections
import json
import os
import pathlib

import requests.adapters
import schemathesis
from schemathesis.core.failures import AcceptedNegativeData
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation import GenerationMode
from schemathesis.openapi.checks import RejectedPositiveData

UPLOADS = ["PUT /api/v1/users/me/avatar", "POST /api/v1/subjects/{id}/documents", "POST /api/v1/courses/import"]

# A schema says what is well formed. These are refused although they are, and rightly so: what is wrong is a fact that
# no schema knows. (Operation, `None` for all; code of the problem or of the member; the member, or what else tells this
# refusal from others of its code.)
REFUSED_FOR_A_FACT = {
    # No list gave this cursor out.
    (None, "invalid_cursor", None),
    # The same key came with another request before.
    (None, "idempotency_key_reused", None),
    # Of an answer, but of another one.
    ("GET /api/v1/ai/messages/{id}/stream", "malformed", "/Last-Event-ID"),
    # Of another course than the one that is named beside it.
    ("GET /api/v1/ai/context", "malformed", "/lesson_id"),
    ("POST /api/v1/ai/chat", "malformed", "/lesson_id"),
    # Nobody was mailed this.
    ("POST /api/v1/auth/verify-email", "malformed", "/token"),
    ("POST /api/v1/auth/password/reset", "malformed", "/token"),
    # The rules of passwords: letters and digits of any script, 72 bytes, not a common one, not one's own name.
    *((f"POST /api/v1/auth/{operation}", code, member)
      for operation, member in [("register", "/password"), ("password/change", "/new_password"), ("password/reset", "/new_password")]
      for code in ["needs_letters_and_digits", "too_many_bytes", "common_password", "near_own_data", "control_character"]),
    # Kept for the service.
    ("POST /api/v1/auth/register", "reserved", "/username"),
    ("PATCH /api/v1/users/me", "reserved", "/username"),
    # Names have two letters in common with ids: none has the form of one.
    ("POST /api/v1/courses", "malformed", "/slug"),
    ("PATCH /api/v1/courses/{course}", "malformed", "/slug"),
    # It is over.
    ("POST /api/v1/users/me/api-keys", "malformed", "/expires_at"),
    # What can be logged has a grammar of its own, and operators may have set more than the document would say.
    ("PUT /api/v1/admin/log-level", "malformed", "/level"),
    # What the last message of a conversation has to be.
    ("POST /openai/v1/chat/completions", "invalid_messages", None),
    ("POST /openai/v1/chat/completions", "validation_failed", "messages"),
    # Texts of a million characters have no pattern.
    ("POST /api/v1/courses/{course}/lessons", "control_character", "/content"),
    ("PATCH /api/v1/lessons/{id}", "control_character", "/content"),
    # Each lesson of the course once.
    ("PUT /api/v1/courses/{course}/lessons/order", "malformed", "/lesson_ids"),
    # Other parts of a form are passed over, but none may have a name that a header cannot hold.
    *((operation, "malformed_multipart", None) for operation in UPLOADS),
    # A file is what its bytes are.
    *((operation, "unsupported_media_type", None) for operation in UPLOADS),
    ("PUT /api/v1/users/me/avatar", "bad_picture", None),
    ("POST /api/v1/courses/import", "bad_archive", None),
    ("POST /api/v1/courses/import", "bad_book", None),
    # RFC 6749 has one status for names and passwords that are wrong and for requests that are.
    ("POST /api/v1/auth/token", "invalid_grant", None),
    # What else is required depends on the kind of grant; and nothing may be there twice, known or not (3.2 there).
    ("POST /api/v1/auth/token", "invalid_request", "A member of the form is there twice."),
    ("POST /api/v1/auth/token", "invalid_request", "`username` and `password` are required."),
    ("POST /api/v1/auth/token", "invalid_request", "`refresh_token` is required."),
}


# Blanks at the ends of these are taken off before anything is looked at, their length too: a schema cannot count so.
TRIMMED = {"title", "display_name", "name", "part", "username", "email", "locale", "language", "time_zone", "level"}


def is_only_trimmed(case):
    """Whether the body is as the schema has it once those blanks are off, and nothing else is wrong with the request."""
    if not isinstance(case.body, dict) or case.meta is None:
        return False
    wrong = {place for place, part in case.meta.components.items() if part.mode == GenerationMode.NEGATIVE}
    if wrong != {ParameterLocation.BODY}:
        return False
    trimmed = {name: text.strip() if name in TRIMMED and isinstance(text, str) else text for name, text in case.body.items()}
    return trimmed != case.body and any(form.is_valid(trimmed) for form in case.operation.body)


def reasons(problem):
    """Why a request was refused: each of the members that are wrong, or the code where that says more."""
    error = problem.get("error")
    if problem.get("code") == "validation_failed":
        return [(member["code"], member["pointer"]) for member in problem["errors"]]
    if isinstance(error, str):
        return [(error, problem.get("error_description") if error == "invalid_request" else None)]
    if error:
        return [(error.get("code"), error.get("param"))]
    return [(problem.get("code"), None)]


@schemathesis.hook
def filter_failure(context, failure, case, response):
    if isinstance(failure, AcceptedNegativeData):
        return not is_only_trimmed(case)
    if not isinstance(failure, RejectedPositiveData):
        return True
    try:
        problem = json.loads(response.content)
    except ValueError:
        return True

    def is_for_a_fact(reason):
        return any((operation, *reason) in REFUSED_FOR_A_FACT for operation in (None, case.operation.label))

    return not all(is_for_a_fact(reason) for reason in reasons(problem))


# ---- how many requests --------------------------------------------------------------------------------------------
# Counted where they leave, so that those are in it which only a check sends.
counts = collections.Counter()
send = requests.adapters.HTTPAdapter.send


def counted(self, request, **more):
    response = send(self, request, **more)
    counts[str(response.status_code)] += 1
    return response


requests.adapters.HTTPAdapter.send = counted


@atexit.register
def write_counts():
    if path := os.environ.get("PROPERTIES_COUNTS"):
        pathlib.Path(path).write_text(json.dumps(counts))

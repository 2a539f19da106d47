"""What no schema can say of valid requests: they are for who is signed in, an opaque cursor is one
that an answer gave, and of `before` and `after` there is at most one."""

import schemathesis

given = set()


@schemathesis.hook
def before_call(context, case, kwargs):
    if not (case.meta and case.meta.generation.mode.is_positive):
        return
    if "Messaging-User" in (case.headers or {}):
        case.headers["Messaging-User"] = "alice"
    if not case.query:
        return
    if "cursor" in case.query and case.query["cursor"] not in given:
        del case.query["cursor"]
    if "after" in case.query:
        case.query.pop("before", None)


@schemathesis.hook
def after_call(context, case, response):
    if response.headers.get("content-type", [""])[0].startswith("application/json"):
        page = response.json()
        if isinstance(page, dict) and page.get("nextCursor"):
            given.add(page["nextCursor"])

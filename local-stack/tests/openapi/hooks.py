"""What the schemas cannot express: every request comes from another address, so that wrong credentials are answered by a 401 and
not by the limit of an address; and a request has at most one of `after`, `before`, `last` and `webchat-after`."""

import itertools

import schemathesis

numbers = itertools.count(1)


@schemathesis.hook
def before_call(context, case, kwargs):
    number = next(numbers)
    case.headers["X-Forwarded-For"] = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
    query = case.query or {}
    starts = [name for name in ("after", "before", "last") if name in query]
    for name in starts[1:]:
        del query[name]
    if starts:
        for name in [name for name in case.headers if name.lower() == "webchat-after"]:
            del case.headers[name]

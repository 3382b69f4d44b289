"""Drives the desk's API with Twilio's published client library. Run by orchestrator/tests/it/desk/twilio.rs.

Its input is a JSON object: `url`, `account`, `key`, `secret` and the arguments of the operation. Its output is one, too.
"""

import json
import sys
import urllib.parse

from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client


class DeskHttpClient(TwilioHttpClient):
    """Sends what is meant for Twilio to the desk's listener instead."""

    def __init__(self, url):
        super().__init__()
        self.scheme, self.host = urllib.parse.urlsplit(url)[:2]
        self.urls = []

    def request(self, method, url, *args, **kwargs):
        url = urllib.parse.urlsplit(url)._replace(scheme=self.scheme, netloc=self.host).geturl()
        response = super().request(method, url, *args, **kwargs)
        self.urls.append(self._test_only_last_request.url + str(self._test_only_last_request.params or ""))
        return response


def client_of(given, secret=None):
    http_client = DeskHttpClient(given["url"])
    return Client(given["key"], secret or given["secret"], given["account"], http_client=http_client), http_client


def error_of(call):
    """What the library raises: its type, and status and code where it has them."""
    try:
        call()
    except TwilioRestException as error:
        return {"type": "rest", "status": error.status, "code": error.code, "message": error.msg}
    except TwilioException as error:
        response = error.args[1]
        return {"type": "bare", "status": response.status_code, "code": json.loads(response.text)["code"]}
    return None


def shown(message):
    return {
        "index": message.index,
        "author": message.author,
        "body": message.body,
        "attributes": json.loads(message.attributes),
        "date": message.date_created.isoformat(),
    }


def whole_life(given):
    """Lists, reads, answers, updates, closes and erases."""
    client, _ = client_of(given)
    desk = client.conversations.v1
    listed = desk.conversations.list()
    conversation = desk.conversations(given["conversation"])
    fetched = conversation.fetch()
    before = conversation.messages.list()
    answer = conversation.messages.create(author="Bob", body="On its way 👋", attributes='{"ticket":7}')
    conversation.messages.create(body="unnamed")
    attributes = {**json.loads(fetched.attributes), "tag": "vip"}
    updated = conversation.update(friendly_name="Order 7", attributes=json.dumps(attributes))
    mine = desk.participant_conversations.list(identity=given["identity"])
    by_service = client.conversations.v1.services(given["service"]).conversations(given["conversation"]).messages.list()
    erased = answer.delete()
    after = [shown(message) for message in conversation.messages.list(order="desc")]
    closed = conversation.update(state="closed")
    gone = conversation.delete()
    return {
        "listed": [found.sid for found in listed],
        "fetched": [fetched.friendly_name, fetched.state, fetched.date_created.isoformat(), fetched.timers, fetched.links],
        "before": [shown(message) for message in before],
        "answer": [answer.index, answer.author, answer.body, answer.attributes, answer.participant_sid],
        "updated": [updated.friendly_name, json.loads(updated.attributes)],
        "mine": [[found.conversation_sid, found.participant_identity, found.conversation_state] for found in mine],
        "by_service": len(by_service),
        "erased": erased,
        "after": after,
        "closed": closed.state,
        "gone": gone,
        "left": len(desk.conversations.list()),
    }


def pages(given):
    """Reads long lists to their end, with and without a limit."""
    client, http_client = client_of(given)
    desk = client.conversations.v1
    messages = desk.conversations(given["conversation"]).messages
    limited = [message.index for message in messages.list(limit=1000)]
    first_url = http_client.urls[0]
    calls = len(http_client.urls)
    streamed = [message.index for message in messages.stream(page_size=100, order="desc")]
    conversations = [found.sid for found in desk.conversations.list(limit=1000)]
    active = [found.sid for found in desk.conversations.stream(state="active", page_size=100)]
    page = messages.page(page_size=7)
    second = page.next_page()
    literal = messages.get_page(page.next_page_url)
    return {
        "limited": limited,
        "first_url": first_url,
        "calls": calls,
        "streamed": streamed,
        "conversations": conversations,
        "active": len(active),
        "second": [[message.index for message in second], [message.index for message in literal]],
    }


def errors(given):
    """The errors as the library raises them."""
    client, _ = client_of(given)
    wrong, _ = client_of(given, "wrong")
    desk = client.conversations.v1
    conversation = desk.conversations(given["conversation"])
    closed = desk.conversations(given["closed"])
    missing = desk.conversations("CH" + 32 * "f")
    other_account = desk.conversations(given["other"])
    return {
        "wrong_key": error_of(wrong.conversations.v1.conversations(given["conversation"]).fetch),
        "missing": error_of(missing.fetch),
        "missing_delete": error_of(missing.delete),
        "missing_message": error_of(conversation.messages("IM" + 32 * "f").fetch),
        "other_account": error_of(other_account.fetch),
        "other_service": error_of(client.conversations.v1.services("IS" + 32 * "f").conversations(given["conversation"]).fetch),
        "closed": error_of(lambda: closed.messages.create(body="Hello")),
        "reopened": error_of(lambda: closed.update(state="active")),
        "empty": error_of(lambda: conversation.messages.create(body="")),
        "unknown_parameter": error_of(lambda: conversation.messages.create(body="Hello", content_sid="HX1")),
        "of_the_guest": error_of(lambda: conversation.messages.create(author=given["identity"], body="Hello")),
        "unique_name": error_of(lambda: conversation.update(unique_name="x")),
        "opened": error_of(lambda: desk.conversations.create(friendly_name="x")),
        "participants": error_of(lambda: conversation.participants("MB" + 32 * "f").fetch()),
        "list_wrong_key": error_of(wrong.conversations.v1.conversations.list),
        "list_inactive": error_of(lambda: desk.conversations.list(state="inactive")),
        "list_missing": error_of(missing.messages.list),
    }


given = json.load(sys.stdin)
operation = {"whole_life": whole_life, "pages": pages, "errors": errors}[sys.argv[1]]
json.dump(operation(given), sys.stdout)

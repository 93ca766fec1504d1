"""The main job through the web API, by a client that a stock generator made from the document.

    contract_client.py FOLDER ADDRESS TOKEN

FOLDER holds the generated package `insights_client`. Every answer is parsed by the generated models: one that the
document does not describe ends this with an error.
"""

import datetime
import sys
import time
import uuid

sys.path.insert(0, sys.argv[1])

from insights_client import AuthenticatedClient
from insights_client.api.access import create_token, get_current_session, revoke_token
from insights_client.api.advisors import register_advisor
from insights_client.api.assets import get_prices, list_asset, record_prices
from insights_client.api.clients import assess_suitability, get_client, register_client
from insights_client.api.portfolios import (
    create_portfolio,
    get_portfolio,
    get_portfolio_figures,
    list_portfolio_events,
    reallocate_portfolio,
    recommend_portfolio,
)
from insights_client.api.recommendations import list_recommendations
from insights_client.models import (
    AnswersBody,
    AssessSuitability,
    BarBody,
    Basis,
    CreatePortfolio,
    CreateToken,
    ListAsset,
    Problem,
    Reallocate,
    RecommendPortfolio,
    RecordPrices,
    RegisterAdvisor,
    RegisterClient,
    TargetBody,
)

address, token = sys.argv[2], sys.argv[3]
client = AuthenticatedClient(base_url=address, token=token)
# How long what follows from a command may take.
DEADLINE_S = 30


def done(answer, status):
    """What the answer holds; an error where it has another status."""
    assert answer.status_code == status, (answer.status_code, answer.content)
    return answer.parsed


def key():
    return str(uuid.uuid4())


def halves(one, other):
    return [TargetBody(asset=one, weight="0.5"), TargetBody(asset=other, weight="0.5")]


for asset, closes in {"AAPL": ("185", "184", "182"), "MSFT": ("370", "371", "368"), "KO": ("60", "61", "60")}.items():
    listing = ListAsset(id=asset, name=f"{asset} Inc.", currency="USD")
    done(list_asset.sync_detailed(client=client, body=listing, idempotency_key=key()), 201)
    bars = [BarBody(date=datetime.date(2024, 1, day), close=close) for day, close in enumerate(closes, start=2)]
    prices = RecordPrices(source="a test", basis=Basis("adjusted"), bars=bars)
    priced = done(record_prices.sync_detailed(asset, client=client, body=prices, idempotency_key=key()), 200)

body = RegisterAdvisor(name="Ana Souza", firm="Casa Verde")
advisor = done(register_advisor.sync_detailed(client=client, body=body, idempotency_key=key()), 201)
body = RegisterClient(advisor=uuid.UUID(advisor.id), name="José da Silva", email="jose@client.example")
person = done(register_client.sync_detailed(client=client, body=body, idempotency_key=key()), 201)
shown = done(
    get_client.sync_detailed(uuid.UUID(person.id), client=client, insights_min_position=person.position), 200
)
assert shown.identity.name == "José da Silva", shown

answers = AnswersBody(
    objective="speculation",
    horizon="over_ten_years",
    loss_capacity="more",
    knowledge="professional",
    liquidity_need="none",
)
body = AssessSuitability(answers=answers)
assessed = assess_suitability.sync_detailed(uuid.UUID(person.id), client=client, body=body, if_match='"1"')
assert done(assessed, 200).version == 2, assessed

body = CreatePortfolio(
    advisor=uuid.UUID(advisor.id), name="Growth", currency="USD", allocation=halves("AAPL", "MSFT")
)
again = key()
portfolio = done(create_portfolio.sync_detailed(client=client, body=body, idempotency_key=again), 201)
repeated = create_portfolio.sync_detailed(client=client, body=body, idempotency_key=again)
assert done(repeated, 201) == portfolio and repeated.headers["idempotent-replayed"] == "true"
number = uuid.UUID(portfolio.id)
# Of both streams: the portfolio may be there before its prices are.
seen = f"{portfolio.position}, {priced.position}"
figures = done(get_portfolio_figures.sync_detailed(number, client=client, insights_min_position=seen), 200)
assert figures.window.returns == 2 and any(figure.value is not None for figure in figures.figures), figures

body = Reallocate(allocation=halves("AAPL", "KO"), reason="Less technology.")
changed = done(reallocate_portfolio.sync_detailed(number, client=client, body=body, if_match='"1"'), 200)
assert changed.version == 2, changed
stale = reallocate_portfolio.sync_detailed(number, client=client, body=body, if_match='"1"')
assert isinstance(done(stale, 412), Problem) and stale.headers["etag"] == '"2"', stale
body = RecommendPortfolio(client_ids=[uuid.UUID(person.id)], rationale="It fits your horizon.")
recommended = recommend_portfolio.sync_detailed(
    number, client=client, body=body, if_match='"2"', idempotency_key=key()
)
done(recommended, 202)

until = time.monotonic() + DEADLINE_S
while True:
    made = done(list_recommendations.sync_detailed(client=client, portfolio=number), 200).items
    if made and made[0].letter.state != "due" and made[0].letter.state != "claimed":
        break
    assert time.monotonic() < until, f"no letter has left: {made}"
    time.sleep(0.05)
assert [one.client for one in made] == [uuid.UUID(person.id)], made
assert (made[0].standing, made[0].letter.state) == ("open", "sent"), made
assert done(get_portfolio.sync_detailed(number, client=client), 200).version == 3
history = done(list_portfolio_events.sync_detailed(number, client=client), 200)
assert [event.type_.split(".")[2] for event in history.items] == ["created", "reallocated", "recommended"], history
series = done(get_prices.sync_detailed("AAPL", client=client), 200)
assert series.asset == "AAPL" and series.days == 3, series

body = CreateToken(label="A test", valid_days=1)
new = done(create_token.sync_detailed(client=client, body=body, idempotency_key=key()), 201)
other = AuthenticatedClient(base_url=address, token=new.secret)
assert done(get_current_session.sync_detailed(client=other), 200).role == "admin"
done(revoke_token.sync_detailed(uuid.UUID(str(new.id)), client=client), 204)
assert isinstance(done(get_current_session.sync_detailed(client=other), 401), Problem)
print("all is well")

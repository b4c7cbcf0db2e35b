// From the bytes of a head to the request's handler, or to a refusal.
#include "connection.hpp"

#include "host/listener/route_match.hpp"

namespace agenthost::host::listener {

void Connection::read_head()
{
    while (head_.state() == HeadCollector::State::more) {
        error_code ec;
        const std::string_view in = stream_->peek(ec);
        if (ec == asio::error::would_block) return wait_for_input();
        if (ec) return gone();
        const bool begun = head_.begun();
        stream_->consume(head_.feed(in, settings_->config.header_bytes));
        if (!begun && head_.begun()) since_ = Clock::now(); // header_timeout starts
    }
    if (head_.state() == HeadCollector::State::too_large)
        return refuse({431, "HEADER_TOO_LARGE", "the request's head exceeds this listener's limit"});
    head_read();
}

void Connection::head_read()
{
    ++listening_->requests;
    RequestHead head = parse_request(head_.bytes());
    head_.reset();
    requests_.set_facts(head.facts);
    if (head.refusal) return refuse(*head.refusal);
    if (draining_ || server_->draining) requests_.close_afterwards();
    RouteMatch match = match_route(server_->routes, listening_->name, head);
    if (match.refusal) return refuse(*match.refusal);
    if (!client_.find(head.request, *stream_)) {
        Routes::release(*match.route);
        return refuse_client();
    }
    begin_exchange(std::move(head), std::move(match));
}

void Connection::begin_exchange(RequestHead head, RouteMatch match)
{
    exchange_ = std::make_shared<Exchange>(shared_from_this(), std::move(match.route), match.websocket);
    server_->exchanges.add(exchange_);
    const std::string json = describe(head);
    auto upgrade = match.websocket ? std::make_unique<WebSocket::Request>(std::move(head.request)) : nullptr;
    enter(State::request);
    requests_.begin(json, std::move(upgrade));
}

std::string Connection::describe(const RequestHead& head) const
{
    const std::string proxy = client_.behind_proxy() ? stream_->peer() : std::string{};
    const std::string spki = stream_->peer_spki();
    return head_json(head.request, head.target, head.facts,
                     {.peer = client_.address(),
                      .proxy = proxy,
                      .listener = listening_->name,
                      .tls = stream_->tls(),
                      .spki = spki});
}

void Connection::refuse(const Refusal& refusal)
{
    if (requests_.facts().body_unread || refusal.status != 404) requests_.close_afterwards();
    const RequestFacts& facts = requests_.facts();
    head_.reset();
    const std::string body = error_body(refusal.code, refusal.message);
    std::string text = answer_head(refusal.status, {{"Content-Type", "application/json"}}, body.size(), false,
                                   facts.connection_field());
    text.insert(text.size() - 2, refusal.header);
    if (!facts.head_only) text += body;
    stream_->write(text);
    answered(facts.keep_alive);
}

} // namespace agenthost::host::listener

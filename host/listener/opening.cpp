#include "opening.hpp"

#include <utility>

namespace agenthost::host::listener {
using namespace std::chrono_literals;

namespace {

// For the check of the certificate's files. After that the handshake uses the certificate that was loaded
// before: a disk that hangs must not block new connections.
constexpr auto certificate_timeout = 1s;

} // namespace

Opening::Opening(const ConnectionContext& context, const Server& server, const Listening& listening,
                 const Settings& settings, Client& client, std::function<void(Outcome)> done)
    : context_{context}, server_{server},
      listening_{listening}, settings_{settings}, client_{client}, done_{std::move(done)}
{}

void Opening::start()
{
    if (!client_.expects_proxy_header()) return begin_tls();
    enter(Stage::proxy_header);
    read_proxy_header();
}

void Opening::read_proxy_header()
{
    switch (client_.read_proxy_header(context_.stream.native_handle())) {
    case Client::Header::more:
        return context_.stream.wait_readable(
            [this, self = shared_from_this(), life = context_.life.lock()](error_code ec) {
                if (stage_ != Stage::proxy_header) return;
                if (ec) return end(Outcome::failed);
                read_proxy_header();
            });
    case Client::Header::invalid: return end(Outcome::failed);
    case Client::Header::good: return begin_tls();
    case Client::Header::too_many: return end(Outcome::too_many);
    }
}

// About once a second a connection checks first whether the certificate's files were renewed. Handshakes of
// other connections continue meanwhile.
void Opening::begin_tls()
{
    if (!settings_.tls) return end(Outcome::open);
    if (!settings_.tls->claim_check()) return handshake(settings_.tls->last());
    enter(Stage::certificate);
    Opening* const me = this; // kept alive by the second function
    context_.on_disk([me] { return me->server_.check_certificate(me->listening_.name, *me->settings_.tls); },
                     [self = shared_from_this()](const netclient::TlsContextPtr& context) {
                         if (self->stage_ == Stage::certificate) self->handshake(context);
                     });
}

void Opening::handshake(netclient::TlsContextPtr context)
{
    enter(Stage::handshake);
    context_.stream.async_handshake(
        std::move(context), {},
        [this, self = shared_from_this(), life = context_.life.lock()](error_code ec) {
            if (stage_ != Stage::handshake) return;
            end(ec ? Outcome::failed : Outcome::open);
        });
}

void Opening::tick(Clock::time_point now)
{
    switch (stage_) {
    case Stage::over: return;
    case Stage::certificate:
        if (now - since_ >= certificate_timeout) handshake(settings_.tls->last());
        return;
    case Stage::proxy_header:
    case Stage::handshake:
        if (now - since_ >= settings_.config.header_timeout) end(Outcome::failed);
        return;
    }
}

void Opening::enter(Stage stage)
{
    stage_ = stage;
    since_ = Clock::now();
}

void Opening::end(Outcome outcome)
{
    const auto self = shared_from_this(); // the owner drops its reference
    stage_ = Stage::over;
    done_(outcome);
}

} // namespace agenthost::host::listener

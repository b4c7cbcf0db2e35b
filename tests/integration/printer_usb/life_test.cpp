// Random lives of a printer against a model of what it must have taken: plugged in and out, opened, written
// to, cancelled, stalled, closed. Whatever happens, the bytes that the link says were taken are the bytes
// that the printer has, in order.
#include "usb_rig.hpp"

#include <random>

namespace agenthost::printer::usb {

namespace {

class UsbLife : public UsbRig, public testing::WithParamInterface<unsigned> {
protected:
    void run(int steps)
    {
        for (step_ = 0; step_ < steps && !HasFailure(); ++step_) {
            switch (pick(10)) {
            case 0: plug_or_unplug(); break;
            case 1:
            case 2: open_or_close(); break;
            case 3: inject(); break;
            case 4: listen_or_not(); break;
            case 5: cancelled_write(); break;
            case 6: ask_status(); break;
            default: whole_write(); break;
            }
        }
    }
    // The printer has exactly what the links said.
    void check()
    {
        link_.reset();
        ASSERT_TRUE(state_is("open", 0));
        EXPECT_EQ(sim_.taken("a"), model_);
        const auto state = sim_.state("a");
        EXPECT_EQ(state["claimed"], false);
        EXPECT_TRUE(!plugged_ || state["driver"] == "usblp");
        EXPECT_EQ(state["counters"].value("reset", 0), 0);
        EXPECT_EQ(state["counters"].value("zero_length", 0), 0);
        EXPECT_EQ(state["counters"].value("unknown_ioctl", 0), 0);
    }
    int pick(int count) { return static_cast<int>(random_() % static_cast<unsigned>(count)); }

    std::mt19937 random_{GetParam()};
    std::unique_ptr<Link> link_;
    std::string model_;
    bool plugged_ = false;
    int step_ = 0;

private:
    void plug_or_unplug()
    {
        sim_.command(plugged_ ? "unplug a" : "plug a");
        plugged_ = !plugged_;
        ASSERT_TRUE(printers(plugged_ ? 1 : 0)) << "step " << step_;
    }
    void open_or_close()
    {
        if (link_) return link_.reset();
        if (!plugged_) return;
        auto opened = open(Model{.no_progress = 100ms});
        ASSERT_TRUE(opened.link) << "step " << step_ << ": " << opened.error->message;
        link_ = std::move(opened.link);
    }
    void inject()
    {
        const auto at = std::to_string(model_.size() + static_cast<std::size_t>(pick(40'000)));
        switch (pick(4)) {
        case 0: sim_.command("stall_at a " + at); break;
        case 1: sim_.command("proto_at a " + at); break;
        case 2: sim_.command("deny_claim a 1"); break;
        default: sim_.command(plugged_ && pick(3) == 0 ? "unplug_at a " + at : "nak_at a " + at); break;
        }
    }
    void listen_or_not()
    {
        if (!link_) return;
        if (pick(2) == 0)
            link_->read([](Bytes) {});
        else
            link_->stop_reading();
    }
    void ask_status()
    {
        if (link_)
            test::result_of<std::optional<std::uint8_t>>(io_, [&](auto done) { link_->port_status(done); });
    }
    void cancelled_write()
    {
        if (!link_) return;
        const auto job = job_bytes(static_cast<std::size_t>(1 + pick(60'000)), random_());
        std::optional<Written> written;
        link_->write(bytes_of(job), [&](Written result) { written = std::move(result); });
        for (int i = pick(4); i > 0; --i) io_.poll_one();
        link_->cancel_write();
        ASSERT_TRUE(until([&] { return written.has_value(); })) << "step " << step_;
        took(job, *written);
    }
    void whole_write()
    {
        if (!link_) return;
        const auto job = job_bytes(static_cast<std::size_t>(1 + pick(60'000)), random_());
        took(job, write(*link_, job));
    }
    void took(const std::string& job, const Written& written)
    {
        ASSERT_LE(written.taken, job.size());
        model_ += job.substr(0, written.taken);
        switch (written.fault) {
        case Fault::none: EXPECT_EQ(written.taken, job.size()); break;
        case Fault::stalled: EXPECT_TRUE(recover(*link_) || !plugged_); break;
        case Fault::no_progress: sim_.command("nak_at a -1"); break;
        case Fault::cancelled: break;
        case Fault::gone:
            link_.reset();
            plugged_ = sim_.state("a").at("plugged");
            ASSERT_TRUE(printers(plugged_ ? 1 : 0)) << "step " << step_;
            break;
        }
    }
};

TEST_P(UsbLife, WhatWasTakenIsKnownToTheByte)
{
    sim_.add("a");
    start_bus();
    run(150);
    check();
}

INSTANTIATE_TEST_SUITE_P(Seeds, UsbLife, testing::Range(1U, 9U));

} // namespace

} // namespace agenthost::printer::usb

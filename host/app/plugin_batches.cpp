#include "plugin_batches.hpp"

#include <utility>

namespace agenthost::host {

std::shared_ptr<PluginBatches::Batch> PluginBatches::open(Done done)
{
    if (open_ >= max_batches) return nullptr;
    ++open_;
    auto batch = std::make_shared<Batch>();
    batch->done_ = std::move(done);
    return batch;
}

PluginBatches::Waiter PluginBatches::expect(const std::shared_ptr<Batch>& batch)
{
    ++batch->left_;
    return expect([this, batch](const std::string& id, const PluginMachine::Answer& answer) {
        add(*batch, id, answer);
        finish_one(*batch);
    });
}

PluginBatches::Waiter PluginBatches::expect(Answered answered)
{
    waiters_[++last_waiter_] = std::move(answered);
    return last_waiter_;
}

void PluginBatches::answer(const std::string& id, const PluginMachine::Answer& answer)
{
    const auto at = waiters_.find(answer.waiter);
    if (at == waiters_.end()) return;
    const auto answered = std::move(at->second);
    waiters_.erase(at);
    answered(id, answer);
}

void PluginBatches::add(Batch& batch, const std::string& id, const PluginMachine::Answer& answer)
{
    PluginChanges& changes = batch.changes_;
    const auto text = "plugin " + id + ": " + answer.text;
    if (answer.outcome == PluginMachine::Answer::Outcome::failed) {
        changes.failed.push_back(text);
        if (batch.required_.contains(id)) changes.required_failed.push_back(text);
    } else if (answer.outcome == PluginMachine::Answer::Outcome::changed) {
        changes.changes.push_back(text);
    }
    if (std::string notice = notice_(id); !notice.empty()) changes.notices.push_back(std::move(notice));
}

void PluginBatches::finish_one(Batch& batch)
{
    if (--batch.left_ > 0) return;
    --open_;
    if (const auto done = std::exchange(batch.done_, nullptr)) done(batch.changes_);
}

} // namespace agenthost::host

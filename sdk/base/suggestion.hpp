// Suggests the known word that a mistyped word was meant to be, for error messages:
// `unknown key "lgo"; did you mean "log"?`. Pure.
#pragma once

#include <algorithm>
#include <concepts>
#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::base {

// Returns the candidate most similar to `word`, or an empty view if none is similar. Two words are similar if
// at most a third of the shorter word's letters (at least one) are missing, added, changed or swapped with
// their neighbour, or if one word begins with the other ("proto", "protocol"). Case does not count, and "-",
// " " and "_" are the same letter. Words over 64 bytes are never similar. The view points into the candidate,
// which must outlive it.
std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates);

// Returns `; did you mean "log"?`, or "" if no candidate is similar.
std::string did_you_mean(std::string_view word, std::span<const std::string_view> candidates);

template <class Words>
concept RangeOfWords = std::ranges::input_range<const Words> &&
    std::convertible_to<std::ranges::range_reference_t<const Words>, std::string_view>;

// The same for any range of strings, such as std::vector<std::string>.
template <RangeOfWords Words> std::string_view nearest(std::string_view word, const Words& candidates)
{
    const std::vector<std::string_view> views(std::ranges::begin(candidates), std::ranges::end(candidates));
    return nearest(word, std::span{views});
}
template <RangeOfWords Words> std::string did_you_mean(std::string_view word, const Words& candidates)
{
    const std::vector<std::string_view> views(std::ranges::begin(candidates), std::ranges::end(candidates));
    return did_you_mean(word, std::span{views});
}

} // namespace agenthost::base

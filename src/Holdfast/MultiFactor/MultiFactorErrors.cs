using Holdfast.Http;

namespace Holdfast.MultiFactor;

/// <summary>Refusals of the endpoints for second factors.</summary>
internal static class MultiFactorErrors
{
    public static ApiAnswer ChallengeExpired { get; } = ApiError.Unprocessable("authentication_challenge_expired", "The challenge has expired. Make a new one.");

    public static ApiAnswer ChallengeUsed { get; } = ApiError.Unprocessable("authentication_challenge_already_verified", "The challenge was answered before. Make a new one.");

    public static ApiAnswer TooManyTries { get; } = ApiError.BadRequest("one_time_code_too_many_attempts", "Too many codes were tried. Wait, and make a new challenge.");

    /// <summary>The node that alone knows whether a code was used before does not answer, or cannot know yet: it began anew less than a minute ago.</summary>
    public static ApiAnswer AuthorityUnavailable { get; } = ApiError.Unavailable(
        "authority_unavailable", "Whether this code was used before cannot be said now. Try the next code, or another factor.", retryAfter: 30);
}

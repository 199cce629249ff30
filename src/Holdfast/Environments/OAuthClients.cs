using Holdfast.Http;
using Holdfast.Peers;
using Holdfast.Storage;

namespace Holdfast.Environments;

/// <summary>Who asks at a token endpoint (RFC 6749 §2.3): an application with its secret, which is an API key of its environment, or one that can keep none.</summary>
internal sealed class OAuthClients(Database database, EnvironmentStore environments, RateLimits limits)
{
    /// <param name="Caller">Null for a public client.</param>
    public sealed record Client(string Id, string EnvironmentId, Caller? Caller)
    {
        public bool IsPublic => Caller is null;

        /// <summary>Whose idempotency keys are its own.</summary>
        public string Owner => Caller?.ApiKeyId ?? Id;
    }

    /// <summary>The client, or the refusal. SDKs send the secret in the body, as Bearer, or both.</summary>
    public (Client? Client, ApiAnswer? Refusal) Find(HttpContext http, OAuthParameters asked, string clientId)
    {
        if (environments.FindByClient(clientId) is not { } environmentId || !ServedUnder.Allows(http, environmentId))
        {
            return (null, ApiError.OAuth("invalid_client", "There is no such client."));
        }
        var (inBody, asBearer) = (asked.Find("client_secret"), Caller.Bearer(http));
        if (inBody is not null && asBearer is not null && inBody != asBearer)
        {
            return (null, ApiError.OAuth("invalid_client", "The client shows two secrets."));   // one way of proof, whoever reads it (RFC 6749 §2.3)
        }
        if ((inBody ?? asBearer) is not { } secret)
        {
            return (new Client(clientId, environmentId, null), null);
        }
        if (Caller.Find(secret, database) is not { } caller || caller.EnvironmentId != environmentId)
        {
            return (null, ApiError.OAuth("invalid_client", "The client's secret is not right."));
        }
        return ForwardedRequest.Of(http) is null && limits.Count(RateLimits.PerApiKey, caller.ApiKeyId) is { } wait   // once, where it came in
            ? (null, ApiError.TooManyRequests(wait))
            : (new Client(clientId, environmentId, caller), null);
    }
}

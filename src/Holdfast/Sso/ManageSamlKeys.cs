using System.Security.Cryptography;
using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Sso;

/// <summary>An environment's keys towards SAML identity providers, for administrators: list, make the next, switch to it, retire an old one.</summary>
/// <remarks>The next key is in every node's hands before it is used: it is made in one step and used from another, and identity providers load our metadata in between. A key that was used before
/// stays published, and goes on decrypting, until it is retired.</remarks>
internal sealed class ManageSamlKeys(Database database, Idempotency idempotency, SpKeys spKeys, Ids ids, TimeProvider clock)
{
    /// <summary>The most of one purpose: what a message may be tried with is bounded by it.</summary>
    public const int Most = 4;

    /// <param name="Purpose"><c>signing</c> or <c>encryption</c>.</param>
    public sealed record Input(Given<string> Purpose);

    /// <param name="State"><c>next</c>: not used yet. <c>current</c>: signs, or is the one to encrypt for. <c>previous</c>: was.</param>
    /// <param name="Certificate">PEM.</param>
    /// <param name="Fingerprint">SHA-256 of the certificate, in hex.</param>
    public sealed record Body(
        string Object, string Id, string Purpose, string State, string Certificate, string Fingerprint, DateTimeOffset NotAfter, DateTimeOffset CreatedAt, DateTimeOffset? ActivatedAt);

    public ApiAnswer List(HttpContext http)
    {
        var all = database.Read(view => SpKeys.List(view, Caller.Of(http).EnvironmentId));
        return ApiAnswer.Ok(new ListBody<Body>("list", [.. all.Select(key => Write(key, all))], new ListMetadata(null, null)));
    }

    public async Task<ApiAnswer> CreateAsync(HttpContext http)
    {
        var (input, refusal) = await JsonBody.ReadAsync<Input>(http);
        if (input is null)
        {
            return refusal!;
        }
        if (input.Purpose.Value is not (SpKeys.Signing or SpKeys.Encryption))
        {
            return ApiError.Validation("purpose", input.Purpose.Value is null ? "required" : "invalid");
        }
        var (environmentId, purpose) = (Caller.Of(http).EnvironmentId, input.Purpose.Value);
        var next = spKeys.MakeNext(environmentId, purpose);
        return await idempotency.WriteAsync(http, (view, _) =>
        {
            if (Refusal(SpKeys.List(view, environmentId), purpose) is { } refused)
            {
                return Decide.Nothing(refused);
            }
            var key = SpKey.Of(next);
            return Decide.To(ApiAnswer.Created(Write(key, [key])), next);
        });
    }

    /// <summary>Uses the next key from now on.</summary>
    public Task<ApiAnswer> ActivateAsync(string id, HttpContext http) => idempotency.WriteAsync(http, (view, operation) =>
    {
        var all = SpKeys.List(view, operation.EnvironmentId);
        if (all.Find(k => k.Id == id) is not { } key || database.Read(local => Denied.Is(local, id)))
        {
            return Decide.Nothing(ApiError.NotFound("SAML key", id));
        }
        if (key.ActivatedAt is not null)
        {
            // It is what was asked for; an older one cannot be gone back to, because who loaded our metadata since may not know it.
            return Decide.Nothing(key.IsCurrent(all) ? ApiAnswer.Ok(Write(key, all)) : ApiError.Conflict("key_superseded", "This key was used before a newer one. Make a new key."));
        }
        // Later than every other's, whatever this node's clock says: by that they are ordered.
        var last = all.Where(k => k.Purpose == key.Purpose).Max(k => k.ActivatedAt) ?? 0;
        var used = key with { ActivatedAt = Math.Max(clock.GetUtcNow().ToUnixTimeMilliseconds(), last + 1) };
        return Decide.To(ApiAnswer.Ok(Write(used, [used])), Change.To(Schema.SamlKeys, id, ("activated_at", used.ActivatedAt)));
    });

    /// <summary>Retires a key: it is published no more, signs nothing and decrypts nothing.</summary>
    public Task<ApiAnswer> DeleteAsync(string id, HttpContext http)
    {
        var environmentId = Caller.Of(http).EnvironmentId;
        return database.RecordAsync(http, view =>
        {
            var all = SpKeys.List(view, environmentId);
            return all.Find(k => k.Id == id) is not { } key
                ? Decide.Nothing(ApiError.NotFound("SAML key", id))
                : key.IsCurrent(all)
                    ? Decide.Nothing(ApiError.Conflict("key_in_use", "This key is in use. Make the next one and activate it first."))
                    : Decide.To(ApiAnswer.NoContent, Denied.Because("deleted", id, environmentId, ids, clock.GetUtcNow()));
        });
    }

    private static ApiAnswer? Refusal(List<SpKey> all, string purpose)
    {
        var same = all.FindAll(k => k.Purpose == purpose);
        return same.Count == 0 ? ApiError.Conflict("no_saml_keys", "The environment has no keys yet: they are made with its first SAML connection.")
            : same.Exists(k => k.ActivatedAt is null) ? ApiError.Conflict("next_key_waiting", "There is a next key already: activate or delete it.")
            : same.Count >= Most ? ApiError.Conflict("too_many_saml_keys", $"There are {same.Count} keys of this purpose: delete those that are no longer used.")
            : null;
    }

    private static Body Write(SpKey key, List<SpKey> all)
    {
        using var certificate = key.Load();
        return new Body(
            "saml_key", key.Id, key.Purpose, key.ActivatedAt is null ? "next" : key.IsCurrent(all) ? "current" : "previous", certificate.ExportCertificatePem(),
            certificate.GetCertHashString(HashAlgorithmName.SHA256).ToLowerInvariant(), certificate.NotAfter.ToUniversalTime(),
            DateTimeOffset.FromUnixTimeMilliseconds(key.CreatedAt), key.ActivatedAt is { } at ? DateTimeOffset.FromUnixTimeMilliseconds(at) : null);
    }
}

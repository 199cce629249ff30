using System.Globalization;
using System.Security.Cryptography;
using Holdfast.Keys;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Http;

/// <summary><c>Idempotency-Key</c>: the same key with the same body, of the same caller on the same path, is one operation. With another body it is another one.</summary>
/// <remarks>The answer is kept for 24 hours in the transaction that made it, so that a repeat finds it after a restart, and on any node that has the row.</remarks>
public sealed class Idempotency(Database database, ClusterKeys keys, Ids ids, TimeProvider clock)
{
    private static readonly TimeSpan KeptFor = TimeSpan.FromHours(24);
    private const int LongestKey = 255;

    /// <summary>A primary write, done once. Answers that refuse are not kept: they changed nothing.</summary>
    public async Task<ApiAnswer> WriteAsync(HttpContext http, Func<View, Operation, Decision<ApiAnswer>> decide) =>
        await WriteAsync(await BeginAsync(http), decide, http.RequestAborted);

    /// <inheritdoc cref="WriteAsync(HttpContext, Func{View, Operation, Decision{ApiAnswer}})"/>
    public async Task<ApiAnswer> WriteAsync(Operation operation, Func<View, Operation, Decision<ApiAnswer>> decide, CancellationToken ct)
    {
        if (operation.RequestId is not { } request)
        {
            return await database.WriteAsync(view => decide(view, operation.Anew()), ct);
        }
        return database.Read(view => FindAnswer(view, request, operation.EnvironmentId))
            ?? await database.WriteAsync(
                view =>
                {
                    if (FindAnswer(view, request, operation.EnvironmentId) is { } before)
                    {
                        return Decide.Nothing(before);
                    }
                    var (answer, changes) = decide(view, operation.Anew());
                    return answer.IsSuccess ? new(answer, [.. changes, Keep(request, operation.EnvironmentId, operation.Day, answer)]) : Decide.Nothing(answer);
                },
                ct);
    }

    /// <summary>The operation that a request is: with an id that its repeats share, when it carries a key.</summary>
    public Task<Operation> BeginAsync(HttpContext http) => BeginAsync(http, Caller.Of(http).EnvironmentId, Caller.Of(http).ApiKeyId);

    /// <summary>The same for an endpoint that finds out by itself who calls.</summary>
    /// <param name="owner">Whose key it is: two callers' equal keys are two.</param>
    public async Task<Operation> BeginAsync(HttpContext http, string environmentId, string owner)
    {
        var key = http.Request.Headers["Idempotency-Key"].ToString();
        if (key.Length == 0 || !HttpMethods.IsPost(http.Request.Method))
        {
            return new Operation(environmentId, null, Today, ids, []);
        }
        if (key.Length > LongestKey)
        {
            key = Caller.Hash(key);   // the header must never fail a request
        }
        var (body, _) = await JsonBody.ReadBytesAsync(http, JsonBody.MaxBytes);
        return Begin(environmentId, owner, http.Request.Path.Value + http.Request.QueryString.Value, key, body ?? []);
    }

    /// <summary>The same for a caller that has read the request.</summary>
    public Operation Begin(string environmentId, string owner, string path, string key, byte[] body)
    {
        var bodyHash = Convert.ToHexStringLower(SHA256.HashData(body));
        var derive = keys.Derive("idempotency", environmentId);
        var request = Ids.Derived("idem_", derive, owner, path, key, bodyHash);
        return new Operation(environmentId, request, Today, ids, derive);
    }

    private long Today => clock.GetUtcNow().ToUnixTimeMilliseconds() / (long)KeptFor.TotalMilliseconds;

    /// <summary>A kept answer is a row of its day, because rows never change: when it is over, the same key begins anew.</summary>
    private static string RowId(string request, long day) => Ids.Derived("idem_", [], request, day.ToString(CultureInfo.InvariantCulture));

    private ApiAnswer? FindAnswer(View view, string request, string environmentId)
    {
        var rows = new[] { RowId(request, Today), RowId(request, Today - 1) };
        var kept = view.Find<Kept>(
            "SELECT id AS Id, status AS Status, body_sealed AS Body FROM idempotency_keys WHERE id IN @rows AND environment_id = @environmentId AND expires_at > @now",
            new { rows, environmentId, now = clock.GetUtcNow().ToUnixTimeMilliseconds() });
        return kept is null ? null : new ApiAnswer((int)kept.Status, kept.Body is null ? null : keys.OpenAtRest(PlaceOf(kept.Id), kept.Body));
    }

    private Change Keep(string request, string environmentId, long day, ApiAnswer answer)
    {
        var now = clock.GetUtcNow();
        var id = RowId(request, day);
        return Change.To(Schema.IdempotencyKeys, id,
            ("environment_id", environmentId), ("status", answer.Status),
            ("body_sealed", answer.Bytes is { } bytes ? keys.SealAtRest(PlaceOf(id), bytes) : null),
            ("created_at", now.ToUnixTimeMilliseconds()), ("expires_at", (now + KeptFor).ToUnixTimeMilliseconds()));
    }

    private static string PlaceOf(string id) => $"idempotency_keys/{id}/body";

    private sealed record Kept(string Id, long Status, string? Body);
}

/// <summary>One thing that a caller asked for, once or several times.</summary>
/// <param name="RequestId">What its repeats share; null when it carries no key.</param>
/// <param name="Day">When it began: a repeat after its answer was forgotten makes something new.</param>
public sealed record Operation(string EnvironmentId, string? RequestId, long Day, Ids Ids, byte[] Key)
{
    private int _made;

    /// <summary>The same for another run of its decision: the ids that it makes are the same again.</summary>
    public Operation Anew() => new(EnvironmentId, RequestId, Day, Ids, Key);

    /// <summary>A new id of what one node alone may decide about: under an idempotency key it derives from it and from the node, so that two nodes that both do the operation make two things.</summary>
    public string NewId(string prefix, string incarnation) => RequestId is null
        ? Ids.New(prefix)
        : Ids.Derived(prefix, Key, RequestId, Day.ToString(CultureInfo.InvariantCulture), incarnation);

    /// <summary>A new id. Under an idempotency key it derives from it, so that two nodes that both do the operation make the same rows.</summary>
    public string NewId(string prefix) => RequestId is null
        ? Ids.New(prefix)
        : Ids.Derived(prefix, Key, RequestId, Day.ToString(CultureInfo.InvariantCulture), (_made++).ToString(CultureInfo.InvariantCulture));
}

using Holdfast.Protocols.Flags;
using Holdfast.Resilience;

namespace Holdfast.Flags.Sources;

/// <summary>The whole document of a provider, by HTTP, asked for with the tag of the one that is here (RFC 9110 §13.1.2).</summary>
/// <remarks>What the answer is worth is judged inside the call, so that a provider which talks nonsense counts as failing.</remarks>
internal sealed class HttpFlags(
    OperatorHttp http, Dependency provider, HttpMethod method, Uri uri, byte[]? body, IReadOnlyList<KeyValuePair<string, string>> headers, Func<byte[], FlagSet> read)
{
    /// <summary>The largest document that is taken, in bytes.</summary>
    public const int MostBytes = 10 * 1024 * 1024;

    private string? _tag;

    /// <summary>The document; null when it is the one that was given last.</summary>
    /// <exception cref="DependencyUnavailableException">There is none to be had now.</exception>
    public async Task<FlagNews?> AskAsync(CancellationToken ct)
    {
        var (news, tag) = await http.SendAsync(
            provider, method, uri, body, _tag is null ? headers : [.. headers, new("If-None-Match", _tag)], MostBytes,
            answer => answer.Status == StatusCodes.Status304NotModified && _tag is not null
                ? (null, _tag)
                : (Judged(answer), answer.Headers.TryGetValue("ETag", out var given) && given.Length <= 256 ? given : null),
            ct);
        _tag = tag;
        return news;
    }

    private FlagNews Judged(OperatorAnswer answer)
    {
        Check(answer.Status);
        try
        {
            return new FlagNews(read(answer.Body), () => answer.Body);
        }
        catch (FlagDocumentException fault)
        {
            throw new OutageException(Trouble.Wrong, fault.Message, fault);
        }
    }

    /// <exception cref="OutageException">Anything but 200.</exception>
    public static void Check(int status)
    {
        if (status != StatusCodes.Status200OK)
        {
            throw new OutageException(
                status is StatusCodes.Status401Unauthorized or StatusCodes.Status403Forbidden ? Trouble.Denied : status == StatusCodes.Status429TooManyRequests ? Trouble.Refuses : Trouble.Wrong,
                $"The provider answered with status {status}.");
        }
    }
}

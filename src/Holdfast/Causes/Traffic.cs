using System.Collections.Concurrent;

namespace Holdfast.Causes;

/// <summary>How many requests each product had, second by second for the last quarter of an hour, and how many of them failed.</summary>
/// <remarks>In memory and bounded. A request failed when its answer is 5xx: what is refused for good reason is a success of ours.</remarks>
public sealed class Traffic(TimeProvider clock)
{
    /// <summary>How far back it reaches.</summary>
    public static readonly TimeSpan Kept = TimeSpan.FromMinutes(15);

    private const int Seconds = 15 * 60;

    private readonly Lock _gate = new();
    private readonly Second[] _ring = new Second[Seconds];

    /// <summary>Since the start, by product: for metrics.</summary>
    private readonly ConcurrentDictionary<string, (long Requests, long Failed)> _totals = new(StringComparer.Ordinal);

    /// <summary>Counts every request of a product.</summary>
    public void Use(WebApplication app) => app.Use(async (http, next) =>
    {
        if (ProductOf(http.Request.Path) is not { } product)
        {
            await next(http);
            return;
        }
        var failed = true;
        try
        {
            await next(http);
            failed = http.Response.StatusCode >= 500;
        }
        finally
        {
            Count(product, failed);
        }
    });

    /// <summary>One request is over.</summary>
    public void Count(string product, bool failed)
    {
        var now = clock.GetUtcNow().ToUnixTimeSeconds();
        _totals.AddOrUpdate(product, _ => (1, failed ? 1 : 0), (_, t) => (t.Requests + 1, t.Failed + (failed ? 1 : 0)));
        lock (_gate)
        {
            ref var second = ref _ring[now % Seconds];
            if (second.Unix != now || second.Products is null)
            {
                second = new Second(now, []);
            }
            var products = second.Products!;
            if (!products.TryGetValue(product, out var count))
            {
                products[product] = count = new Counted();
            }
            count.Requests++;
            count.Failed += failed ? 1 : 0;
        }
    }

    /// <summary>What each product had between two times, the first included.</summary>
    public IReadOnlyDictionary<string, Share> Between(DateTimeOffset from, DateTimeOffset until)
    {
        var (first, end) = (from.ToUnixTimeSeconds(), until.ToUnixTimeSeconds());
        var shares = new SortedDictionary<string, Share>(StringComparer.Ordinal);
        lock (_gate)
        {
            foreach (var second in _ring)
            {
                if (second.Products is null || second.Unix < first || second.Unix > end)
                {
                    continue;
                }
                foreach (var (product, count) in second.Products)
                {
                    var was = shares.GetValueOrDefault(product) ?? new Share(0, 0);
                    shares[product] = new Share(was.Requests + count.Requests, was.Failed + count.Failed);
                }
            }
        }
        return shares;
    }

    /// <summary>Since the start.</summary>
    public IReadOnlyDictionary<string, (long Requests, long Failed)> Totals => _totals;

    /// <summary>The product that a path is of; null for what is none's: health, assets, what nodes ask each other.</summary>
    internal static string? ProductOf(PathString path)
    {
        var text = path.Value ?? "";
        var end = text.IndexOf('/', 1 < text.Length ? 1 : text.Length);
        var first = end < 0 ? text : text[..end];
        if (first == "/user_management")
        {
            var rest = end < 0 ? "" : text[(end + 1)..];
            return rest.StartsWith("authenticate", StringComparison.Ordinal) || rest.StartsWith("sessions", StringComparison.Ordinal) || rest.StartsWith("authorize", StringComparison.Ordinal)
                || rest.StartsWith("magic_auth", StringComparison.Ordinal) || rest.StartsWith("password_reset", StringComparison.Ordinal) || rest.StartsWith("email_verification", StringComparison.Ordinal)
                ? Products.AuthKit
                : Products.Administration;
        }
        return first switch
        {
            "/sso" => Products.Sso,
            "/oauth2" or "/authkit" => Products.AuthKit,
            "/organizations" or "/organization_domains" or "/connections" or "/directories" or "/directory_users" or "/directory_groups" or "/events" or "/saml_keys" or "/webhook_endpoints"
                or "/feature-flags" or "/vault" or "/fga" => Products.Administration,
            _ => null,
        };
    }

    private readonly record struct Second(long Unix, Dictionary<string, Counted>? Products);

    private sealed class Counted
    {
        public long Requests { get; set; }

        public long Failed { get; set; }
    }
}

/// <summary>A product's requests over a time.</summary>
/// <param name="Failed">Those that were answered with 5xx.</param>
public sealed record Share(long Requests, long Failed);

/// <summary>Names of products, as pages and reports use them.</summary>
public static class Products
{
    public const string Sso = "sso";
    public const string AuthKit = "authkit";
    public const string Administration = "administration";
    public const string Domains = "domains";
    public const string Mail = "mail";

    /// <summary>Those that a status page shows, in its order, with what people call them. What does not exist yet is not said to work.</summary>
    public static IReadOnlyList<(string Name, string Title)> Shown { get; } =
        [(Sso, "Single Sign-On"), (AuthKit, "AuthKit"), (Administration, "Administration and API"), (Domains, "Domain verification"), (Mail, "Mail")];
}

using Holdfast.Causes;
using Holdfast.Http;
using Holdfast.Http.Pages;
using Holdfast.Incidents.Pages;
using Holdfast.Storage;

namespace Holdfast.Incidents;

/// <summary>The public status: each product in each region, now and for 90 days. Read from this node's disk and memory: it needs no database and no other node.</summary>
public static class ReadStatus
{
    public const int Days = 90;

    /// <summary>From this share of failures on it is no accident of one person's.</summary>
    private const double Fails = 0.5;
    private const double Impaired = 0.02;

    internal static ApiAnswer Json(KeptStatus kept) => ApiAnswer.Ok(kept.Now());

    internal static IResult Page(HttpContext http, KeptStatus kept) => PageResult.Of<StatusPage>(PageContext.Of(http), StatusCodes.Status200OK, (nameof(StatusPage.Status), kept.Now()));

    /// <summary>One incident, as a page.</summary>
    internal static IResult Incident(string id, HttpContext http, Database database, TimeProvider clock)
    {
        var context = PageContext.Of(http);
        return ReadIncidents.Find(id, database, clock) is { } incident
            ? PageResult.Of<IncidentPage>(context, StatusCodes.Status200OK, (nameof(IncidentPage.Incident), incident))
            : PageResult.Of<MessagePage>(context, StatusCodes.Status404NotFound,
                (nameof(MessagePage.Heading), context.Texts["status.not_there"]), (nameof(MessagePage.Advice), context.Texts["status.not_there_lead"]),
                (nameof(MessagePage.LinkPath), "/status"), (nameof(MessagePage.LinkText), context.Texts["status.back"]));
    }

    internal static Body Now(Database database, Finder finder, Traffic traffic, NodePlace here, TimeProvider clock)
    {
        var now = clock.GetUtcNow();
        var minute = traffic.Between(now - TimeSpan.FromMinutes(1), now);
        var (requests, failed) = (new[] { Products.Sso, Products.AuthKit }.Sum(p => minute.GetValueOrDefault(p)?.Requests ?? 0), new[] { Products.Sso, Products.AuthKit }.Sum(p => minute.GetValueOrDefault(p)?.Failed ?? 0));
        var rate = requests == 0 ? 0 : (double)failed / requests;
        var (rows, regions) = database.Read(view => (IncidentStore.Since(view, now - ReadIncidents.Shown), IncidentStore.Regions(view)));
        var causes = finder.All.Where(c => c.Scope != CauseScope.Tenant).ToList();
        RegionBody[] all =
        [
            .. regions.Append(here.Region).Distinct().Order(StringComparer.Ordinal).Select(region => new RegionBody(region,
            [
                .. Products.Shown.Select(product =>
                {
                    var touching = rows.FindAll(r => r.Region == region && r.ProductNames.Contains(product.Name));
                    // What this node has just named is not an incident yet, and shown all the same.
                    var isNamedHere = region == here.Region && causes.Exists(c => c.Products.Contains(product.Name));
                    var open = touching.FindAll(r => r.ClosedAt is null);
                    var state = open.Exists(r => r.Impacts.Any(i => i.Product == product.Name && i.FailureRate >= 0.5)) ? "outage" : open.Count > 0 || isNamedHere ? "degraded" : "operational";
                    return new ProductBody(product.Name, product.Title, state, touching.Count, [.. Enumerable.Range(0, Days).Select(d => DayOf(touching, product.Name, now.UtcDateTime.Date.AddDays(d + 1 - Days), now))]);
                }),
            ])),
        ];
        var states = all.SelectMany(r => r.Products).Select(p => p.Status).ToList();
        return new Body(
            rate >= Fails || states.Contains("outage") ? "outage" : rate >= Impaired || states.Contains("degraded") || causes.Exists(c => c.Scope == CauseScope.Platform) ? "degraded" : "operational", now, here.Node, here.Region,
            new SignInBody(rate >= Fails ? "fails" : rate >= Impaired ? "impaired" : "works", requests, failed),
            [.. causes.Select(c => new CauseBody(c.Scope == CauseScope.Shared ? "host" : c.Dependency, c.How, c.Since, c.Text, c.Products, c.SignIn.ToString().ToLowerInvariant(), c.Symptoms.Count))], all, [.. rows.Select(r => ReadIncidents.BodyOf(r, null, now))]);
    }

    /// <summary>The worst of a day (UTC): <c>none</c>, <c>minor</c>, or <c>major</c> where half of the product's requests failed.</summary>
    private static string DayOf(List<IncidentRow> touching, string product, DateTime day, DateTimeOffset now)
    {
        var (from, until) = (new DateTimeOffset(day, TimeSpan.Zero).ToUnixTimeMilliseconds(), new DateTimeOffset(day.AddDays(1), TimeSpan.Zero).ToUnixTimeMilliseconds());
        var of = touching.FindAll(r => r.Since < until && (r.ClosedAt ?? now.ToUnixTimeMilliseconds()) >= from);
        return of.Count == 0 ? "none" : of.Exists(r => r.Impacts.Any(i => i.Product == product && i.FailureRate >= 0.5)) ? "major" : "minor";
    }

    /// <param name="Status"><c>operational</c>, <c>degraded</c> or <c>outage</c>.</param>
    /// <param name="Node">Who says so.</param>
    /// <param name="Causes">What this node finds broken now.</param>
    /// <param name="Incidents">Of 90 days, the latest first.</param>
    public sealed record Body(
        string Status, DateTimeOffset At, string Node, string Region, SignInBody SignIn, IReadOnlyList<CauseBody> Causes, IReadOnlyList<RegionBody> Regions, IReadOnlyList<ReadIncidents.IncidentBody> Incidents);

    /// <summary>Requests of sign-in at this node, in the last minute.</summary>
    /// <param name="Status"><c>works</c>, <c>impaired</c> or <c>fails</c>.</param>
    public sealed record SignInBody(string Status, long Requests, long Failed);

    /// <param name="SignIn">What sign-ins have to do with it: <c>none</c>, <c>optional</c> or <c>needed</c>.</param>
    /// <param name="Symptoms">How many dependencies it takes along.</param>
    public sealed record CauseBody(string Dependency, string How, DateTimeOffset Since, string Text, IReadOnlyList<string> Products, string SignIn, int Symptoms);

    public sealed record RegionBody(string Region, IReadOnlyList<ProductBody> Products);

    /// <param name="Incidents">How many touched it in 90 days.</param>
    /// <param name="Days">One word a day, the last is today (UTC).</param>
    public sealed record ProductBody(string Product, string Title, string Status, int Incidents, IReadOnlyList<string> Days);
}

/// <summary>The status as it was read last: everybody may ask for it, and reading it goes through the incidents of 90 days.</summary>
internal sealed class KeptStatus(Database database, Finder finder, Traffic traffic, NodePlace here, TimeProvider clock)
{
    /// <summary>How long it is told again, while the same is found broken.</summary>
    private static readonly TimeSpan s_keptFor = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private (ReadStatus.Body Body, IReadOnlyList<Cause> Causes, long At)? _kept;

    public ReadStatus.Body Now()
    {
        lock (_gate)
        {
            var (causes, now) = (finder.All, clock.GetTimestamp());
            if (_kept is { } kept && ReferenceEquals(kept.Causes, causes) && clock.GetElapsedTime(kept.At, now) < s_keptFor)
            {
                return kept.Body;
            }
            var body = ReadStatus.Now(database, finder, traffic, here, clock);
            _kept = (body, causes, now);
            return body;
        }
    }
}

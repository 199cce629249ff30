using Holdfast.Environments;
using Holdfast.Resilience;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Sso;

/// <summary>Tells ahead when the certificates that a SAML connection trusts run out. Every node looks; the event's id derives from the certificate and the mark, so that it is told once.</summary>
internal sealed class CertificateChecks(Database database, EnvironmentStore environments, Connections connections, TimeProvider clock, ILogger<CertificateChecks> log) : BackgroundService
{
    /// <summary>How often it is looked.</summary>
    public static readonly TimeSpan Every = TimeSpan.FromHours(1);

    /// <summary>Days before the end at which it is told, and once when it is over.</summary>
    public static readonly IReadOnlyList<int> Marks = [0, 1, 7, 14, 30];

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Rounds.RunAsync(Every, clock, RoundAsync, fault => SsoLog.CertificatesUnseen(log, fault), stoppingToken);   // the next one looks again

    /// <summary>Looks at all active SAML connections.</summary>
    public async Task RoundAsync(CancellationToken ct)
    {
        var after = "";
        while (!ct.IsCancellationRequested && database.Read(view => ConnectionStore.OfSaml(view, after, 100)) is { Count: > 0 } page)
        {
            foreach (var connection in page.Where(c => c.IsActive))
            {
                if (connections.Ready(connection).Settings.Saml?.TrustedUntil is { } until && MarkOf(until, clock.GetUtcNow()) is { } mark)
                {
                    await TellAsync(connection, until, mark);
                }
            }
            after = page[^1].Id;
        }
    }

    /// <summary>The mark that has been reached; null while there is time.</summary>
    internal static int? MarkOf(DateTimeOffset until, DateTimeOffset now)
    {
        var days = (until - now).TotalDays;
        return Marks.Where(m => days <= m).Select(m => (int?)m).FirstOrDefault();
    }

    private async Task TellAsync(Connection connection, DateTimeOffset until, int mark)
    {
        var change = ConnectionEvents.RenewalRequired(connection, until, mark, environments.IdKey(connection.EnvironmentId), clock.GetUtcNow());
        bool IsTold(View view) => view.Find<long>("SELECT count(*) FROM events WHERE id = @Id", new { change.Id }) > 0;
        if (!database.Read(IsTold))
        {
            await database.RecordAsync(view => IsTold(view) ? Decide.Nothing(false) : Decide.To(true, change));
        }
    }
}

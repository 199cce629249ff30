using System.Security.Cryptography;
using System.Text.Json;
using Holdfast.Resilience;
using Holdfast.Storage;

namespace Holdfast.Keys;

/// <summary>Keeps the database's credential: asks its issuer in the background, tries a newer one before it is used, and keeps the last good one, sealed on the node's disk too
/// (decision 0023).</summary>
/// <param name="file">Where the last good one stands, sealed.</param>
internal sealed class DatabaseCredentials(CredentialSource source, string file, ClusterKeys keys, TimeProvider clock)
{
    /// <summary>Who did not keep it, where it is logged.</summary>
    public const string ItsDisk = "this node's disk";

    private const string Place = "database credential";

    private static readonly TimeSpan Least = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Most = TimeSpan.FromHours(1);
    private static readonly TimeSpan WhenNotSaid = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan AfterFailure = TimeSpan.FromSeconds(5);

    /// <summary>A server that refuses logins has the issuer asked at once, but not faster than this.</summary>
    private static readonly TimeSpan AfterRefusal = TimeSpan.FromSeconds(1);

    private readonly Signal _asked = new();
    private IssuedCredential? _good;
    private DatabaseCredential? _letIn;   // by a server, now or before the start
    private DatabaseCredential? _kept;    // on the disk
    private long _askedAt;
    private int _failures;   // in a row

    /// <summary>The last credential that a server let in, or, at first, what is to be tried; null when nothing is known.</summary>
    public DatabaseCredential? Current => Volatile.Read(ref _good)?.Credential;

    /// <summary>Told after each question, with whether the credential in use is the issuer's latest.</summary>
    public Action<bool>? Told { get; set; }

    /// <summary>The last good one from the disk. Only where there is none, the issuer is waited for.</summary>
    public async Task LoadAsync(CancellationToken ct)
    {
        _good = Open();
        _letIn = _kept = _good?.Credential;
        if (_good is not null)
        {
            return;
        }
        try
        {
            _good = await source.AskAsync(ct);   // written down once a server has let it in
        }
        catch (DependencyUnavailableException)
        {
            // The connection string may hold one; else the server refuses, and says so.
        }
    }

    /// <summary>A server did not let the credential in: perhaps there is a newer one.</summary>
    public void AskNow() => _asked.Set();

    /// <summary>Asks until it is told to stop.</summary>
    public async Task RunAsync(PostgresServers servers, Action<string, Exception> log, CancellationToken ct)
    {
        while (!ct.IsCancellationRequested)
        {
            var told = _asked.Told;
            var pause = await AskAsync(servers, log, ct);
            // Every call may be refused, and one question serves all: a second passes between two.
            while (!ct.IsCancellationRequested && (_asked.Told == told ? pause : AfterRefusal) - clock.GetElapsedTime(_askedAt) is var left && left > TimeSpan.Zero)
            {
                await _asked.WaitAsync(_asked.Told, IsKept || left < AfterFailure ? left : AfterFailure, clock, ct);
                Keep(log);
            }
        }
    }

    /// <summary>Soon at first, because a moment may be over; and so that what lasts is known in seconds.</summary>
    private TimeSpan AfterFailures() => TimeSpan.FromSeconds(Math.Min(AfterFailure.TotalSeconds, 1 << Math.Min(_failures++, 8)));

    /// <returns>When to ask again.</returns>
    private async Task<TimeSpan> AskAsync(PostgresServers servers, Action<string, Exception> log, CancellationToken ct)
    {
        var isLatest = false;
        try
        {
            _askedAt = clock.GetTimestamp();
            var issued = await source.AskAsync(ct);
            if (issued.Credential != _letIn)
            {
                using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(5), clock);
                using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, ct);
                await servers.ReplaceAsync(issued.Credential, either.Token);
                _letIn = issued.Credential;
            }
            Volatile.Write(ref _good, issued);
            (isLatest, _failures) = (true, 0);
            Keep(log);
            return issued.ExpiresAt is { } at ? TimeSpan.FromTicks(Math.Clamp((at - clock.GetUtcNow()).Ticks / 2, Least.Ticks, Most.Ticks)) : WhenNotSaid;
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            return TimeSpan.Zero;
        }
        catch (DependencyUnavailableException fault)
        {
            log("its issuer", fault);
            return AfterFailures();
        }
        catch (Exception fault)
        {
            log("the server that is to let it in", fault);   // the old one stays
            return AfterFailures();
        }
        finally
        {
            Told?.Invoke(isLatest);
        }
    }

    private bool IsKept => _letIn is null || (_letIn == _kept && File.Exists(file));

    /// <summary>Writes down what a server let in. A disk that does not take it is tried again, and costs neither the credential nor the pools.</summary>
    private void Keep(Action<string, Exception> log)
    {
        if (IsKept)
        {
            return;
        }
        try
        {
            OwnFile.Write(file, JsonSerializer.SerializeToUtf8Bytes(keys.SealAtRest(Place, JsonSerializer.SerializeToUtf8Bytes(_letIn))));
            _kept = _letIn;
        }
        catch (Exception disk) when (disk is IOException or UnauthorizedAccessException)
        {
            log(ItsDisk, disk);
        }
    }

    private IssuedCredential? Open()
    {
        try
        {
            return File.Exists(file) && JsonSerializer.Deserialize<string>(File.ReadAllBytes(file)) is { } item
                && JsonSerializer.Deserialize<DatabaseCredential>(keys.OpenAtRest(Place, item)) is { } credential
                    ? new IssuedCredential(credential, null)
                    : null;
        }
        catch (Exception fault) when (fault is JsonException or CryptographicException or IOException or UnauthorizedAccessException)
        {
            return null;   // of another cluster key, or damaged: as if there were none
        }
    }
}

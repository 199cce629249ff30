using System.Collections.Concurrent;
using Holdfast.Http;
using Holdfast.Resilience;
using Holdfast.Storage;
using Holdfast.Storage.Peers;
using Holdfast.Storage.Rows;

namespace Holdfast.Mail;

/// <summary>Sends what is wanted, in the background: no request waits for it. Each mail is sent by the node that wanted it; at least once, and under one Message-ID, so that
/// of two copies a mailbox shows one (decision 0017).</summary>
internal sealed class SendMails(
    Database database, PeerLinks peers, Letters letters, SmtpRelay relay, Dependencies dependencies, Entropy entropy, TimeProvider clock, ILogger<SendMails> log)
{
    /// <summary>How long a node that is not heard may leave a mail waiting until another sends it.</summary>
    public static readonly TimeSpan TakeOverAfter = TimeSpan.FromMinutes(5);

    /// <summary>How often the server may say "later" to one mail.</summary>
    public const int MostTries = 20;

    private const int MostInRound = 1000;
    private static readonly TimeSpan LeastPause = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan MostPause = TimeSpan.FromMinutes(10);

    private readonly Dependency _mail = dependencies.Add(new Dependency(Catalogue.Mail, clock));

    private readonly ConcurrentDictionary<string, Progress> _progress = new(StringComparer.Ordinal);

    /// <param name="Outcome">What is still to be written down; null while it has not been sent.</param>
    private sealed record Progress(int Tries, int Failures, DateTimeOffset NextAt, string? Outcome = null);

    /// <summary>Sends all that is due, once.</summary>
    public async Task RoundAsync(CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        var waiting = database.Read(view => Mails.Waiting(view, now, MostInRound));
        var known = waiting.Select(row => row.Id).ToHashSet(StringComparer.Ordinal);
        foreach (var (id, _) in _progress.Where(p => !known.Contains(p.Key)))
        {
            _progress.TryRemove(id, out _);   // it is done, or of no use any more
        }
        var isAway = false;
        await Parallel.ForEachAsync(waiting.Where(row => IsDue(row, now) && IsOurs(row, now)), new ParallelOptions { MaxDegreeOfParallelism = Catalogue.Mail.MaxConcurrent, CancellationToken = ct },
            async (row, token) =>
                {
                    if (!Volatile.Read(ref isAway) && !await SendAsync(row, token))
                    {
                        Volatile.Write(ref isAway, true);   // the breaker is open: the rest waits for the next round; what is under way goes on
                    }
                });
    }

    private bool IsDue(MailRow row, DateTimeOffset now) => !_progress.TryGetValue(row.Id, out var progress) || progress.NextAt <= now;

    /// <summary>Whether this node sends it: what it wanted itself; and of what others wanted and leave waiting, its part.</summary>
    private bool IsOurs(MailRow row, DateTimeOffset now)
    {
        if (row.Authority == database.Incarnation)
        {
            return true;
        }
        if (MailKind.Find(row.Kind) is not { IsOfItem: false })
        {
            return false;   // nobody but its authority redeems what is in it: the authority sends it when it is back, or it is void
        }
        var isGone = peers.Find(row.Authority).Whose == Whose.Gone;
        if (!isGone && (peers.IsSpeaking(row.Authority) || (now - DateTimeOffset.FromUnixTimeMilliseconds(row.CreatedAt)) < TakeOverAfter))
        {
            return false;
        }
        var speaking = peers.All.Select(link => link.Identity).OfType<NodeIdentity>().Where(node => peers.IsSpeaking(node.Incarnation)).Select(node => node.Name).Append(peers.Own.Name);
        return speaking.MaxBy(name => Caller.Hash($"{row.Id}\n{name}"), StringComparer.Ordinal) == peers.Own.Name;
    }

    /// <returns>False when the dependency takes no calls now.</returns>
    private async Task<bool> SendAsync(MailRow row, CancellationToken ct)
    {
        try
        {
            return await TrySendAsync(row, ct);
        }
        catch (Exception fault) when (fault is not OperationCanceledException || !ct.IsCancellationRequested)
        {
            // One that cannot be opened, or whose end cannot be noted, is no matter of the others. An outcome is kept.
            var progress = _progress.GetValueOrDefault(row.Id) ?? new Progress(0, 0, default);
            Postpone(row, progress with { Failures = progress.Failures + 1 });
            MailLog.Unforeseen(log, row.Id, row.Kind, fault);
            return true;
        }
    }

    private async Task<bool> TrySendAsync(MailRow row, CancellationToken ct)
    {
        var before = _progress.GetValueOrDefault(row.Id) ?? new Progress(0, 0, default);
        if (before.Outcome is { } unwritten)
        {
            await EndAsync(row, unwritten);
            return true;
        }
        if (letters.Write(row) is not { } letter)
        {
            return true;   // of a kind that a younger release knows: a node of that release sends it
        }
        var isRepeat = before.Failures > before.Tries;   // the server was away. That a recipient's mailbox says "later" is no load of ours on it, and must not use up what others repeat with
        if (isRepeat && !_mail.MayRepeat())
        {
            return true;   // it is due still, and comes with the next round
        }
        try
        {
            var verdict = await relay.SendAsync(_mail, new OutgoingMail(row.Id, letter.SenderName.Length > 0 ? letter.SenderName : null, row.Recipient, letter.Subject, letter.Text, letter.Html, clock.GetUtcNow()), ct);
            if (isRepeat)
            {
                _mail.RepeatWorked();
            }
            if (verdict == MailVerdict.Later && before.Tries + 1 < MostTries)
            {
                Postpone(row, before with { Tries = before.Tries + 1, Failures = before.Failures + 1 });
                return true;
            }
            var outcome = verdict switch { MailVerdict.Taken => "sent", MailVerdict.Refused => "refused", _ => "given_up" };
            if (verdict != MailVerdict.Taken)
            {
                MailLog.NotSent(log, row.Id, row.Kind, outcome);
            }
            _progress[row.Id] = before with { Outcome = outcome };   // should the disk refuse to note it, it is noted later, and not sent again
            await EndAsync(row, outcome);
            return true;
        }
        catch (DependencyUnavailableException fault)
        {
            // That the server is away is not the mail's fault: it is tried as long as it is of use.
            Postpone(row, before with { Failures = before.Failures + 1 });
            MailLog.ServerAway(log, fault.How);
            return _mail.Health.How is null;
        }
    }

    private Task<bool> EndAsync(MailRow row, string outcome) => database.RecordAsync(_ => Decide.To(true, Mails.Ended(row.Id, outcome, clock.GetUtcNow())));

    /// <summary>Twice as long each time, between 5 s and 10 min, and by chance up to half less: so that after an outage not everything comes at once.</summary>
    private void Postpone(MailRow row, Progress progress)
    {
        var pause = LeastPause * Math.Pow(2, Math.Min(progress.Failures - 1, 10));
        pause = (pause < MostPause ? pause : MostPause) * (1 - (entropy.Bytes(1)[0] / 512.0));
        _progress[row.Id] = progress with { NextAt = clock.GetUtcNow() + pause };
    }
}

/// <summary>Sees each second what waits.</summary>
internal sealed class MailRounds(SendMails mails, TimeProvider clock, ILogger<MailRounds> log) : BackgroundService
{
    private static readonly TimeSpan s_every = TimeSpan.FromSeconds(1);

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Rounds.RunAsync(s_every, clock, mails.RoundAsync, fault => MailLog.RoundCutOff(log, fault), stoppingToken);
}

internal static partial class MailLog
{
    [LoggerMessage(1140, LogLevel.Warning, "A round through the waiting mail was cut off")]
    public static partial void RoundCutOff(ILogger log, Exception fault);

    [LoggerMessage(1141, LogLevel.Warning, "The mail {Id} ({Kind}) was not sent: {Outcome}")]
    public static partial void NotSent(ILogger log, string id, string kind, string outcome);

    [LoggerMessage(1143, LogLevel.Warning, "The mail {Id} ({Kind}) could not be opened, or what became of it not be noted: it is tried again")]
    public static partial void Unforeseen(ILogger log, string id, string kind, Exception fault);

    [LoggerMessage(1142, LogLevel.Warning, "Mail waits: the mail server {How}")]
    public static partial void ServerAway(ILogger log, string how);
}

using System.Net;
using DnsClient;

namespace Holdfast.Resilience;

/// <summary>TXT records of names that tenants choose. Only the operator's resolvers are asked, and they are believed: nothing is validated here (no DNSSEC).</summary>
/// <remarks>UDP first, TCP where an answer was cut (RFC 7766 §5). Nothing is cached: whoever asks wants to know how it is now.</remarks>
/// <param name="resolvers">Where they listen; none for those of the system.</param>
public sealed class DnsTexts(IReadOnlyList<IPEndPoint> resolvers)
{
    /// <summary>How long one try may take; a second one follows if the budget of repeats allows it, and then a question that any resolver answers. All fit into the dependency's deadline.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(600);

    private readonly Lock _making = new();
#pragma warning disable RS0030 // The one place that asks a resolver for more than addresses, through a Dependency only.
    private LookupClient? _client;

    /// <summary>The texts at each name, in the order of the names; each record's strings are joined, as those who publish long ones mean it (RFC 7208 §3.3).
    /// Null where the resolver could not find out, which is the name's own trouble, and empty where there is nothing.</summary>
    /// <exception cref="DependencyUnavailableException">No resolver answered in time, or what it answered cannot be read.</exception>
    public Task<IReadOnlyList<string>?[]> ReadAsync(Dependency dns, IReadOnlyList<string> names, CancellationToken ct) =>
        dns.CallAsync(token => Task.WhenAll(names.Select(name => AskAsync(name, dns, token))), ct);

    /// <summary>Asks for a name that no resolver has to ask anybody about (RFC 6761 §6.4). For a <see cref="Dependency.Probe"/>.</summary>
    public Task KnockAsync(CancellationToken ct) => AskAsync("holdfast.invalid", null, ct);

    /// <param name="repeats">Whose budget a second try is taken from; null for one try.</param>
    private async Task<IReadOnlyList<string>?> AskAsync(string name, Dependency? repeats, CancellationToken ct)
    {
        IDnsQueryResponse answer;
        try
        {
            answer = await AskTwiceAsync(name, repeats, ct);
        }
        catch (DnsResponseException fault) when (fault.Code == DnsResponseCode.ConnectionTimeout)
        {
            // A resolver waits for the name's own servers, and anybody can have some that are silent. Only when it does not answer about the root either is it the resolver's silence.
            return await AnswersAsync(ct) ? null : throw new OutageException(Trouble.Hangs, "No resolver answered in time.", fault);
        }
        return answer.Header.ResponseCode switch
        {
            DnsHeaderResponseCode.NoError or DnsHeaderResponseCode.NotExistentDomain => [.. answer.Answers.TxtRecords().Select(record => string.Concat(record.Text))],
            DnsHeaderResponseCode.ServerFailure => null,
            var code => throw new OutageException(Trouble.Errors, $"The resolver answered with code {(int)code}."),
        };
    }

    private async Task<IDnsQueryResponse> AskTwiceAsync(string name, Dependency? repeats, CancellationToken ct)
    {
        try
        {
            return await Client().QueryAsync(name + ".", QueryType.TXT, cancellationToken: ct);
        }
        catch (DnsResponseException fault) when (fault.Code == DnsResponseCode.ConnectionTimeout && repeats is not null && repeats.MayRepeat())
        {
            var answer = await Client().QueryAsync(name + ".", QueryType.TXT, cancellationToken: ct);
            repeats.RepeatWorked();
            return answer;
        }
    }

    /// <summary>Whether a resolver says anything at all about the root of all names, which it knows without asking anybody.</summary>
    private async Task<bool> AnswersAsync(CancellationToken ct)
    {
        try
        {
            await Client().QueryAsync(new DnsQuestion(".", QueryType.NS), new DnsQueryAndServerOptions { Timeout = Patience, Retries = 0, UseCache = false }, ct);
            return true;
        }
        catch (DnsResponseException fault) when (fault.Code != DnsResponseCode.ConnectionTimeout)
        {
            return true;   // whatever it says, it speaks
        }
        catch (DnsResponseException)
        {
            return false;
        }
    }

    /// <summary>Made when it is first needed: a machine whose resolvers cannot be found out yet starts all the same.</summary>
    private LookupClient Client()
    {
        lock (_making)
        {
            if (_client is null)
            {
                var options = resolvers.Count == 0 ? new LookupClientOptions() : new LookupClientOptions(resolvers.ToArray());
                (options.Timeout, options.Retries, options.UseCache) = (Patience, 0, false);
                _client = new LookupClient(options);
            }
            return _client;
        }
    }
#pragma warning restore RS0030
}

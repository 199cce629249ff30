using Holdfast.Resilience;

namespace Holdfast.Peers;

/// <summary>The way to one other node: signs what is asked of it, and takes no answer but its own.</summary>
internal sealed class PeerChannel(Uri address, PeerVoice voice, OperatorHttp http, TimeProvider clock)
{
    /// <summary>How a dependency fails that answers, but not as a node of this cluster: it is another one, or does not let us in.</summary>
    public const string Unrecognized = "unrecognized";

    private Heard? _heard;

    /// <summary>Its base URL, without a slash at the end.</summary>
    public string Address { get; } = address.GetLeftPart(UriPartial.Authority);

    /// <summary>Who was last heard there, and when; null when nobody was yet.</summary>
    public Heard? Last => Volatile.Read(ref _heard);

    /// <returns>The answer, and who gave it.</returns>
    /// <exception cref="DependencyUnavailableException">No answer, or nobody's whom we know.</exception>
    public Task<(int Status, byte[] Body, Speaker By)> AskAsync(Dependency dependency, string path, object question, TimeSpan within, CancellationToken ct)
    {
        var body = PeerJson.Write(question);
        var to = Last?.Speaker.Incarnation;
        var (headers, nonce) = voice.Sign("POST", path, body, to);
        return http.PostAsync(dependency, new Uri(Address + path), body, headers, PeerJson.MaxBytes, Read, within, clock, ct);

        (int, byte[], Speaker) Read(OperatorAnswer answer)
        {
            if (voice.Verify(nonce, answer.Status, answer.Headers, answer.Body) is not { } speaker)
            {
                if (to is not null)
                {
                    Volatile.Write(ref _heard, null);   // perhaps a new life, which the next question is not meant for by name
                }
                throw new OutageException(Unrecognized, $"The node at {Address} answers {answer.Status}, and not as one of this cluster.");
            }
            Hear(speaker);
            return (answer.Status, answer.Body, speaker);
        }
    }

    /// <summary>Whether anything answers there; who it is, is not asked.</summary>
    public Task KnockAsync(CancellationToken ct) => http.KnockAsync(new Uri(Address + "/health/live"), ct);

    /// <summary>Takes note of an answer that was verified elsewhere.</summary>
    public void Hear(Speaker speaker) => Volatile.Write(ref _heard, new Heard(speaker, clock.GetUtcNow()));

    internal sealed record Heard(Speaker Speaker, DateTimeOffset At);
}

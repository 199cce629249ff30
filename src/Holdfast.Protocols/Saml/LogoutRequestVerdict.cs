namespace Holdfast.Protocols.Saml;

/// <summary>What came of checking a LogoutRequest.</summary>
public abstract record LogoutRequestVerdict
{
    private LogoutRequestVerdict()
    {
    }

    /// <param name="Id">The InResponseTo of the answer, and what replay is remembered by.</param>
    /// <param name="SessionIndexes">Which sessions are meant; none means all of the principal's.</param>
    /// <param name="NotOnOrAfter">Until then (plus the skew) the request would be accepted again.</param>
    /// <param name="RelayState">HTTP-Redirect: to be given back with the answer; null when there was none. HTTP-POST: null, the caller has the
    /// form.</param>
    public sealed record Accepted(
        string Id, string IdpEntityId, string SpEntityId, SamlNameId NameId, IReadOnlyList<string> SessionIndexes, DateTimeOffset NotOnOrAfter,
        string? RelayState, SamlEvidence Evidence) : LogoutRequestVerdict
    {
        /// <summary>Whether a session is one that must end: the same principal and, where the request names sessions, one of these.</summary>
        public bool Ends(SamlSession session) =>
            NameId.Matches(session.NameId, IdpEntityId, SpEntityId)
            && (SessionIndexes.Count == 0 || (session.SessionIndex is { } index && SessionIndexes.Contains(index)));
    }

    /// <param name="Detail">As in <see cref="SamlVerdict.Refused"/>.</param>
    public sealed record Refused(SamlRefusal Why, string Detail) : LogoutRequestVerdict;
}

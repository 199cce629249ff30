using System.Net.Sockets;
using Holdfast.Resilience;

namespace Holdfast.Bench;

/// <summary>What is done to a far party.</summary>
internal enum FaultKind
{
    Refuse,
    Hang,
    Slow,
    Error,
    WrongAnswer,
    Reset,
    EmptyDns,
    Certificate,
}

/// <summary>One fault, and what it must be called.</summary>
/// <param name="Target">What is broken, in words.</param>
/// <param name="Hosts">The far parties that it breaks.</param>
/// <param name="Names">Names of which one must be given. All of them say the same thing.</param>
/// <param name="How">How it must be said to fail.</param>
/// <param name="IsPlatforms">Whether it must be a cause of the platform, or must be none.</param>
internal sealed record PlannedFault(string Target, FaultKind Kind, IReadOnlyList<string> Hosts, IReadOnlyList<string> Names, string How, bool IsPlatforms)
{
    /// <summary>The word that a way of failing has.</summary>
    public static string WordOf(FaultKind kind) => kind switch
    {
        FaultKind.Refuse => Trouble.Refuses,
        FaultKind.Hang => Trouble.Hangs,
        FaultKind.Slow => Trouble.Slow,
        FaultKind.Error => Trouble.Errors,
        FaultKind.WrongAnswer => Trouble.Wrong,
        FaultKind.Reset => Trouble.Reset,
        FaultKind.EmptyDns => Trouble.Unresolved,
        _ => Trouble.Certificate,
    };

    /// <summary>The exception that the real client throws for it: <see cref="OutboundHttp"/> for what tenants chose, <see cref="OperatorHttp"/> for the rest.</summary>
    public static Exception ExceptionOf(FaultKind kind, bool isTenants)
    {
        var failure = kind switch
        {
            FaultKind.Refuse => new HttpRequestException(HttpRequestError.ConnectionError, "refused", new SocketException((int)SocketError.ConnectionRefused)),
            FaultKind.Reset => new HttpRequestException(HttpRequestError.ResponseEnded, "ended", new HttpIOException(HttpRequestError.ResponseEnded, "ended")),
            FaultKind.EmptyDns => new HttpRequestException(HttpRequestError.NameResolutionError, "no address", new SocketException((int)SocketError.NoData)),
            FaultKind.Certificate => new HttpRequestException(HttpRequestError.SecureConnectionError, "certificate", new System.Security.Authentication.AuthenticationException("expired")),
            _ => (Exception)new OutageException(Trouble.Errors, "500"),
        };
        return isTenants && failure is HttpRequestException { HttpRequestError: not HttpRequestError.ResponseEnded }
            ? new OutageException(Trouble.Unreachable, "The address could not be reached.", failure)
            : failure;
    }
}

using System.Net.Sockets;
using System.Security.Authentication;

namespace Holdfast.Resilience;

/// <summary>The words for how a dependency fails. They stand in health answers and incidents, so they are never renamed.</summary>
public static class Trouble
{
    /// <summary>It turns connections away.</summary>
    public const string Refuses = "refuses";

    /// <summary>It accepts the call and does not answer in time.</summary>
    public const string Hangs = "hangs";

    /// <summary>It answers that it cannot, or breaks off.</summary>
    public const string Errors = "errors";

    /// <summary>No address for its name.</summary>
    public const string Unresolved = "unresolved";

    /// <summary>An address that a tenant chose, and that was not reached; deliberately no more precise than that.</summary>
    public const string Unreachable = "unreachable";

    /// <summary>It breaks connections off.</summary>
    public const string Reset = "reset";

    /// <summary>Its certificate is expired, or nobody vouches for it.</summary>
    public const string Certificate = "certificate";

    /// <summary>It answers, and the answer is of no use.</summary>
    public const string Wrong = "wrong_answers";

    /// <summary>It answers, and takes longer than what needs it can bear.</summary>
    public const string Slow = "slow";

    /// <summary>It turns our credential down.</summary>
    public const string Denied = "denied";

    /// <summary>Our own guard did not let the call out: nobody's failure but the address's.</summary>
    public const string Guarded = "guarded";

    /// <summary>A person has closed it: it is not asked.</summary>
    public const string Closed = "closed";

    /// <summary>Too many calls are under way already.</summary>
    public const string Full = "full";

    /// <summary>The word for an exception, looking through its inner exceptions.</summary>
    public static string Of(Exception failure) => Of(failure, isExact: false);

    /// <summary>The same, and past <see cref="Unreachable"/>: for the operator and the finder of causes alone, because it tells what is where in a network.</summary>
    public static string Exactly(Exception failure) => Of(failure, isExact: true);

    private static string Of(Exception failure, bool isExact)
    {
        for (var e = failure; e is not null; e = e.InnerException)
        {
            switch (e)
            {
                case OutageException { How: Unreachable, InnerException: not null } when isExact:
                    continue;
                case OutageException outage:
                    return outage.How;
                case GuardRefusedException:
                    return Guarded;
                case AuthenticationException or HttpRequestException { HttpRequestError: HttpRequestError.SecureConnectionError }:
                    return Certificate;
                case SocketException { SocketErrorCode: SocketError.ConnectionReset or SocketError.ConnectionAborted }:
                case HttpRequestException { HttpRequestError: HttpRequestError.ResponseEnded }:
                case HttpIOException { HttpRequestError: HttpRequestError.ResponseEnded }:
                    return Reset;
                case SocketException { SocketErrorCode: SocketError.ConnectionRefused }:
                    return Refuses;
                case SocketException { SocketErrorCode: SocketError.HostNotFound or SocketError.NoData or SocketError.TryAgain }:
                case HttpRequestException { HttpRequestError: HttpRequestError.NameResolutionError }:
                    return Unresolved;
                case TimeoutException or OperationCanceledException or SocketException { SocketErrorCode: SocketError.TimedOut }:
                    return Hangs;
            }
        }
        return Errors;
    }
}

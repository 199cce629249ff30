using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using MailKit.Net.Smtp;
using MailKit.Security;
using MimeKit;

namespace Holdfast.Resilience;

/// <summary>What a mail server answered to one mail.</summary>
public enum MailVerdict
{
    /// <summary>It has taken it (250).</summary>
    Taken,

    /// <summary>Not now (4xx about this mail): to be tried again.</summary>
    Later,

    /// <summary>Never (5xx about this mail).</summary>
    Refused,
}

/// <summary>One mail to one person.</summary>
/// <param name="Id">Names it for ever: of two copies with one Message-ID, mailboxes show one.</param>
/// <param name="SenderName">Null for the address alone.</param>
/// <param name="To">An address.</param>
/// <param name="Html">The same as the text, for those who want it.</param>
public sealed record OutgoingMail(string Id, string? SenderName, string To, string Subject, string Text, string Html, DateTimeOffset Date);

/// <summary>Hands mail to the operator's own server (RFC 5321; RFC 6409). One connection a mail: nothing of one hangs over to the next.</summary>
public sealed class SmtpRelay(SmtpSettings settings)
{
    private static readonly TimeSpan s_goodbye = TimeSpan.FromSeconds(1);

    /// <summary>Sends one mail. An address that cannot be written in a header is refused without asking anybody.</summary>
    /// <exception cref="DependencyUnavailableException">It cannot be reached, does not answer in time, breaks off, shows a certificate that is not its own, does not let us in,
    /// or is not taking mail. Whether it took this one is unknown.</exception>
    public async Task<MailVerdict> SendAsync(Dependency dependency, OutgoingMail mail, CancellationToken ct)
    {
        using var message = Write(mail);
        return message is null ? MailVerdict.Refused : await dependency.CallAsync(token => SendAsync(message, token), ct, new Uri($"smtp://{(settings.Host.Contains(':', StringComparison.Ordinal) ? $"[{settings.Host}]" : settings.Host)}:{settings.Port}"));
    }

    /// <summary>The message (RFC 5322). Its library writes each header as one, whatever stands in it; that nothing breaks out is tested.</summary>
    private MimeMessage? Write(OutgoingMail mail)
    {
        if (Recipient(mail.To) is not { } to)
        {
            return null;
        }
        var message = new MimeMessage
        {
            MessageId = $"{mail.Id}@{settings.From[(settings.From.IndexOf('@', StringComparison.Ordinal) + 1)..]}",
            Date = mail.Date,
            Subject = OneLine(mail.Subject),
            Body = new MultipartAlternative(new TextPart("plain") { Text = mail.Text }, new TextPart("html") { Text = mail.Html }),
        };
        message.From.Add(new MailboxAddress(mail.SenderName is { } name ? OneLine(name) : null, settings.From));
        message.To.Add(to);
        message.Headers.Add(HeaderId.AutoSubmitted, "auto-generated");   // RFC 3834 §5: nobody's absence answers it
        return message;
    }

    /// <summary>The domain in ASCII, which every server takes (RFC 5891 §4).</summary>
    private static MailboxAddress? Recipient(string address)
    {
        var at = address.IndexOf('@', StringComparison.Ordinal);
        try
        {
            return at > 0 && address.All(c => !char.IsControl(c)) ? new MailboxAddress(null, $"{address[..at]}@{new System.Globalization.IdnMapping().GetAscii(address[(at + 1)..])}") : null;
        }
        catch (Exception fault) when (fault is ParseException or ArgumentException)
        {
            return null;
        }
    }

    private static string OneLine(string text) => string.Concat(text.Select(c => char.IsControl(c) ? ' ' : c));

    private async Task<MailVerdict> SendAsync(MimeMessage message, CancellationToken ct)
    {
        // No protocol log: it would hold the password and the codes.
#pragma warning disable RS0030 // The one place that speaks SMTP, through a Dependency only.
        using var client = new SmtpClient();
#pragma warning restore RS0030
        await ConnectAsync(client, ct);
        try
        {
            if (settings.Credential is { } credential)
            {
                await client.AuthenticateAsync(credential, ct);
            }
        }
        catch (NotSupportedException fault)
        {
            throw Untrusted(fault);
        }
        catch (AuthenticationException fault)
        {
            throw new OutageException("denies", "The mail server does not take the user and the password.", Cause(fault));
        }
        // The library would send other letters to a server that does not take them (RFC 6531 §3.5).
        var verdict = message.To.Mailboxes.Single().Address is var to && to[..to.IndexOf('@', StringComparison.Ordinal)].Any(c => !char.IsAscii(c)) && !client.Capabilities.HasFlag(SmtpCapabilities.UTF8)
            ? MailVerdict.Refused
            : await HandAsync(client, message, ct);
        await LeaveAsync(client, ct);
        return verdict;
    }

    private async Task ConnectAsync(SmtpClient client, CancellationToken ct)
    {
        client.CheckCertificateRevocation = false;   // it would ask a host that the certificate names, without a guard and without a deadline
        client.LocalDomain = settings.LocalName;
        client.ServerCertificateValidationCallback = settings.Authority is { } authority
            ? (_, certificate, _, errors) => (errors & ~System.Net.Security.SslPolicyErrors.RemoteCertificateChainErrors) == 0 && certificate is not null && OwnAuthority.Vouches(authority, certificate)
            : (_, _, _, errors) => errors == System.Net.Security.SslPolicyErrors.None;
        try
        {
            await client.ConnectAsync(settings.Host, settings.Port, settings.Tls switch
            {
                SmtpTls.Implicit => SecureSocketOptions.SslOnConnect,
                SmtpTls.None => SecureSocketOptions.None,
                _ => SecureSocketOptions.StartTls,
            }, ct);
        }
        catch (Exception fault) when (fault is SslHandshakeException or NotSupportedException)
        {
            throw Untrusted(fault);
        }
    }

    private static OutageException Untrusted(Exception fault) => new("untrusted", "The mail server offers no TLS that can be trusted.", Cause(fault));

    private static async Task LeaveAsync(SmtpClient client, CancellationToken ct)
    {
        try
        {
            using var second = CancellationTokenSource.CreateLinkedTokenSource(ct);
            second.CancelAfter(s_goodbye);
            await client.DisconnectAsync(quit: true, second.Token);
        }
        catch (Exception)
        {
            // It has said what it does with the mail; how it says goodbye changes nothing.
        }
    }

    private static async Task<MailVerdict> HandAsync(SmtpClient client, MimeMessage message, CancellationToken ct)
    {
        try
        {
            await client.SendAsync(message, ct);
            return MailVerdict.Taken;
        }
        catch (SmtpCommandException answer) when ((int)answer.StatusCode == 421)   // it is closing (RFC 5321 §3.8), whatever the mail
        {
            throw new OutageException(Trouble.Errors, "The mail server is not taking mail.");
        }
        catch (SmtpCommandException answer)
        {
            return (int)answer.StatusCode is >= 500 and < 600 ? MailVerdict.Refused : MailVerdict.Later;
        }
    }

    /// <summary>What a server says may repeat what it was sent: only its kind goes on.</summary>
    private static SocketException? Cause(Exception fault) => fault.InnerException as SocketException;
}

/// <summary>How the way to the mail server is closed to others.</summary>
public enum SmtpTls
{
    /// <summary>STARTTLS, and nothing without it (RFC 3207): one that is only taken when it is offered is taken away by whoever stands between.</summary>
    Start,

    /// <summary>From the first byte (RFC 8314 §3.3).</summary>
    Implicit,

    /// <summary>Not at all: a server on this machine, or where the operator says so.</summary>
    None,
}

/// <summary>Where mail is handed in, and in whose name.</summary>
/// <param name="LocalName">What we call ourselves (EHLO).</param>
/// <param name="From">The address of the sender.</param>
/// <param name="Authority">Whose certificates the server's must be; null for those that this machine trusts.</param>
public sealed record SmtpSettings(string Host, int Port, SmtpTls Tls, string LocalName, string From, X509Certificate2? Authority)
{
    private const int SubmissionPort = 587;
    private const int TlsPort = 465;

    /// <summary>Null for none.</summary>
    public NetworkCredential? Credential { get; init; }

    /// <summary>What logs may say: no user, no password.</summary>
    public override string ToString() => $"{Host}:{Port}";

    /// <summary>Reads <c>smtp://user:password@host:port</c> (STARTTLS) or <c>smtps://…</c> (TLS at once), with <c>?from=</c>, <c>?tls=start|implicit|none</c> and <c>?ca=FILE</c>.
    /// Without <c>tls</c>: port 465 is TLS at once, a server on loopback none, every other STARTTLS.</summary>
    /// <param name="publicHost">Of the public URL: the sender's domain, unless <c>from</c> says another.</param>
    /// <returns>The settings, or what is wrong, without anything of the text: it holds a password.</returns>
    public static (SmtpSettings? Settings, string? Fault) Read(string text, string publicHost)
    {
        if (!Uri.TryCreate(text, UriKind.Absolute, out var uri) || uri.Scheme is not ("smtp" or "smtps") || uri.Host.Length == 0 || uri.AbsolutePath is not ("" or "/") || uri.Fragment.Length > 0)
        {
            return (null, "smtp://user:password@host:port or smtps://… is needed.");
        }
        var query = uri.Query.TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries)
            .Select(pair => pair.Split('=', 2)).ToLookup(pair => pair[0], pair => Uri.UnescapeDataString(pair.ElementAtOrDefault(1) ?? ""), StringComparer.Ordinal);
        if (query.Select(pair => pair.Key).FirstOrDefault(name => name is not ("from" or "tls" or "ca")) is not null)
        {
            return (null, "after the '?' only from, tls and ca are known.");
        }
        var port = uri.Port > 0 ? uri.Port : uri.Scheme == "smtps" ? TlsPort : SubmissionPort;
        SmtpTls? tls = query["tls"].LastOrDefault() switch
        {
            "start" => SmtpTls.Start,
            "implicit" => SmtpTls.Implicit,
            "none" => SmtpTls.None,
            null => uri.Scheme == "smtps" || port == TlsPort ? SmtpTls.Implicit : IsLoopback(uri.Host) ? SmtpTls.None : SmtpTls.Start,
            _ => null,
        };
        if (tls is null)
        {
            return (null, "tls is start, implicit or none.");
        }
        var domain = IPAddress.TryParse(publicHost.Trim('[', ']'), out _) ? "localhost" : publicHost;
        var from = query["from"].LastOrDefault() ?? $"no-reply@{domain}";
        if (!MailboxAddress.TryParse(from, out var sender) || !sender.Address.Contains('@', StringComparison.Ordinal) || sender.Address != from || from.Any(c => !char.IsAscii(c)))
        {
            return (null, "from is not an address in ASCII.");
        }
        X509Certificate2? authority = null;
        if (query["ca"].LastOrDefault() is { } file)
        {
            try
            {
                authority = X509CertificateLoader.LoadCertificateFromFile(file);
            }
            catch (Exception fault) when (fault is System.Security.Cryptography.CryptographicException or IOException or UnauthorizedAccessException or ArgumentException)
            {
                return (null, "ca is no file with a certificate.");
            }
        }
        var user = uri.UserInfo.Split(':', 2);
        return (new SmtpSettings(uri.IdnHost.Trim('[', ']'), port, tls.Value, domain, from, authority)
        {
            Credential = uri.UserInfo.Length == 0 ? null : new NetworkCredential(Uri.UnescapeDataString(user[0]), Uri.UnescapeDataString(user.ElementAtOrDefault(1) ?? "")),
        }, null);
    }

    private static bool IsLoopback(string host) => host == "localhost" || (IPAddress.TryParse(host.Trim('[', ']'), out var ip) && IPAddress.IsLoopback(ip));
}

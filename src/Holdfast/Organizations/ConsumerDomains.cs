namespace Holdfast.Organizations;

/// <summary>Domains where everybody may have a mailbox: an organization that owned one would vouch for strangers. The public API refuses them too.</summary>
internal static class ConsumerDomains
{
    private static readonly HashSet<string> Known = new(StringComparer.Ordinal)
    {
        "126.com", "163.com", "aol.com", "fastmail.com", "gmail.com", "gmx.com", "gmx.de", "gmx.net", "googlemail.com", "hey.com", "hotmail.com", "icloud.com", "live.com", "mac.com",
        "mail.com", "mail.ru", "me.com", "msn.com", "outlook.com", "pm.me", "proton.me", "protonmail.com", "qq.com", "t-online.de", "tutanota.com", "web.de", "yahoo.com",
        "yandex.com", "yandex.ru", "ymail.com", "zoho.com",
    };

    /// <param name="domain">In lower case and ASCII.</param>
    public static bool Has(string domain) => Known.Contains(domain);
}

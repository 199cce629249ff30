using Holdfast.Http;
using Holdfast.Resilience;

namespace Holdfast.Mail;

/// <summary>Mail: every service and every route, one line each. Start reading here.</summary>
internal static class MailEndpoints
{
    /// <param name="relay">Where mail is handed in; null for nowhere: what is wanted waits, and is forgotten when it is of no use any more.</param>
    public static void AddMail(this IServiceCollection services, SmtpSettings? relay)
    {
        services.AddSingleton<Mails>().AddSingleton<Letters>();
        if (relay is not null)
        {
            services.AddSingleton(new SmtpRelay(relay)).AddSingleton<SendMails>().AddHostedService<MailRounds>();
        }
    }

    public static void MapMail(this IEndpointRouteBuilder routes)
    {
        var api = routes.MapGroup("/mail_settings").WithTags("Mail").WithMetadata(ApiKeyRequired.Yes);
        api.MapGet("", MailSettings.Get).Produces<MailSettings.Body>();
        api.MapPut("", MailSettings.UpdateAsync).Accepts<MailSettings.Input>(JsonBody.AnyType).Produces<MailSettings.Body>().WithMetadata(Writes.ToPrimary);
    }
}

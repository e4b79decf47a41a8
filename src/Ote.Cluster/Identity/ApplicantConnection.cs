using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Ote.Cluster.Identity;

/// <summary>
/// The parent's side of <see cref="Applicant"/>: before anything else looks at a request, the certificate of its connection becomes none, or the
/// one that was issued over this very connection for this very key.
/// </summary>
internal static class ApplicantConnection
{
    private static readonly object Key = new();

    /// <summary>Must come before all that asks for a client certificate, on every listener whose TLS admits applicants.</summary>
    public static void UseApplicants(this IApplicationBuilder app) => app.Use(static next => context =>
    {
        if (context.Connection.ClientCertificate is { } shown && Applicant.IsOne(shown))
        {
            var items = context.Features.GetRequiredFeature<IConnectionItemsFeature>().Items;
            if (!items.TryGetValue(Key, out var known))
            {
                items[Key] = known = new State(shown);
            }

            context.Features.Set<ITlsConnectionFeature>(new Shown(((State)known!).Issued));
        }

        return next(context);
    });

    /// <summary>A certificate was issued to who asked over this connection; nothing changes unless it is for the key that the connection proved.</summary>
    public static void Admit(HttpContext context, ByteString certificate)
    {
        if (context.Features.Get<IConnectionItemsFeature>()?.Items.TryGetValue(Key, out var known) != true || known is not State state)
        {
            return;
        }

        try
        {
            var issued = X509CertificateLoader.LoadCertificate(certificate.Span);
            if (issued.PublicKey.ExportSubjectPublicKeyInfo().AsSpan().SequenceEqual(state.Proven))
            {
                state.Issued = issued;
            }
        }
        catch (Exception e) when (Unreadable.IsCause(e))
        {
            // It is of no use to who asked either, who says so.
        }
    }

    private sealed class State(X509Certificate2 shown)
    {
        public byte[] Proven { get; } = shown.PublicKey.ExportSubjectPublicKeyInfo();

        public X509Certificate2? Issued { get; set; }
    }

    private sealed class Shown(X509Certificate2? certificate) : ITlsConnectionFeature
    {
        public X509Certificate2? ClientCertificate { get; set; } = certificate;

        public Task<X509Certificate2?> GetClientCertificateAsync(CancellationToken cancellationToken) => Task.FromResult(ClientCertificate);
    }
}

using System.Security.Cryptography.X509Certificates;

namespace Ote.Kube.Server.Access;

/// <summary>
/// Whom a client certificate names: its common name is the user, its organizations are the groups (https://kubernetes.io/docs/reference/access-authn-authz/authentication/#x509-client-certificates). Pure.
/// </summary>
public static class CertificateUser
{
    private const string Subject = "2.5.4.3";
    private const string Organization = "2.5.4.10";

    /// <summary>The user; null: it names none, or has parts of several elements, which nothing that issues for Kubernetes makes.</summary>
    /// <param name="certificate">A client certificate; whether anybody believes it is not looked at.</param>
    public static UserInfo? Of(X509Certificate2 certificate)
    {
        ArgumentNullException.ThrowIfNull(certificate);
        string? name = null;
        List<string> groups = [];
        foreach (var part in certificate.SubjectName.EnumerateRelativeDistinguishedNames())
        {
            if (part.HasMultipleElements)
            {
                return null;
            }

            var type = part.GetSingleElementType().Value;
            if (type == Subject)
            {
                name = part.GetSingleElementValue();
            }
            else if (type == Organization && part.GetSingleElementValue() is { } group)
            {
                groups.Add(group);
            }
        }

        groups.Add(UserInfo.Authenticated);
        return string.IsNullOrEmpty(name) ? null : new UserInfo(name, groups);
    }
}

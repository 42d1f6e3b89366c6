using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using DevCluster.Json;
using DevCluster.Storage;

namespace DevCluster.Pods;

/// <summary>A volume can't be mounted yet; the message is the one of the FailedMount event.</summary>
internal sealed class MountException(string message) : Exception(message);

/// <summary>
/// The file system of a pod: volumes as folders, and for each container a root in which its mount paths lead to them. A value of the
/// environment or of the arguments that is a mount path, lies below one or is above one becomes the same path below that root.
/// </summary>
internal sealed class PodFolder
{
    private readonly ObjectStore _store;
    private readonly JsonObject _pod;
    private readonly string _space;
    private readonly Func<string, string, string> _claimFolder;

    public PodFolder(ObjectStore store, JsonObject pod, string podsDirectory, Func<string, string, string> claimFolder)
    {
        _store = store;
        _pod = pod;
        _space = pod.Text("metadata", "namespace") ?? "default";
        _claimFolder = claimFolder;
        Path = System.IO.Path.Combine(podsDirectory, $"{pod.Text("metadata", "name")}-{pod.Text("metadata", "uid")?[^8..]}");
    }

    public string Path { get; }

    /// <exception cref="MountException">Something that a volume needs is not there.</exception>
    public void Mount()
    {
        Directory.CreateDirectory(Path);
        foreach (var volume in (_pod.Array("spec", "volumes") ?? []).OfType<JsonObject>())
        {
            var name = volume.Text("name") ?? "";
            var folder = VolumeFolder(name);
            if (volume.Object("persistentVolumeClaim") is { } claim)
            {
                var claimName = claim.Text("claimName") ?? "";
                if (_store.Get(new ObjectKey("persistentvolumeclaims", _space, claimName)) is null)
                {
                    throw new MountException($"persistentvolumeclaim \"{claimName}\" not found");
                }

                Directory.CreateDirectory(folder);
                continue;
            }

            if (volume.Object("hostPath").Text("path") is { } host)
            {
                if (!Directory.Exists(host) && !File.Exists(host))
                {
                    throw new MountException($"MountVolume.SetUp failed for volume \"{name}\" : hostPath type check failed: {host} is not a directory");
                }

                continue;
            }

            if (Directory.Exists(folder) && volume.Object("emptyDir") is null)
            {
                Directory.Delete(folder, true);
            }

            Directory.CreateDirectory(folder);
            if (volume.Object("projected") is { } projected)
            {
                foreach (var source in (projected.Array("sources") ?? []).OfType<JsonObject>())
                {
                    Fill(name, folder, source, source.Object("secret").Text("name"), source.Object("configMap").Text("name"));
                }
            }
            else
            {
                Fill(name, folder, volume, volume.Object("secret").Text("secretName"), volume.Object("configMap").Text("name"));
            }
        }
    }

    /// <summary>Makes the root of a container.</summary>
    public ContainerRoot MakeRoot(JsonObject container)
    {
        var name = container.Text("name") ?? "container";
        var root = System.IO.Path.Combine(Path, "containers", name, "root");
        Directory.CreateDirectory(root);
        var mounts = new List<(string MountPath, string Real)>();
        foreach (var mount in (container.Array("volumeMounts") ?? []).OfType<JsonObject>().OrderBy(mount => mount.Text("mountPath")?.Length))
        {
            var mountPath = (mount.Text("mountPath") ?? "").TrimEnd('/');
            var real = System.IO.Path.Combine(VolumeFolder(mount.Text("name") ?? ""), (mount.Text("subPath") ?? "").TrimStart('/'));
            if (mount.Text("subPath") is { Length: > 0 } && !File.Exists(real))
            {
                Directory.CreateDirectory(real);
            }

            var place = System.IO.Path.Combine(root, mountPath.TrimStart('/'));
            Directory.CreateDirectory(System.IO.Path.GetDirectoryName(place)!);
            if (!System.IO.Path.Exists(place))
            {
                Directory.CreateSymbolicLink(place, real);
            }

            mounts.Add((mountPath, real));
        }

        var messagePath = container.Text("terminationMessagePath") ?? "/dev/termination-log";
        var message = System.IO.Path.Combine(Path, "containers", name, "termination-log");
        File.WriteAllBytes(message, []);
        return new ContainerRoot(root, mounts, messagePath, message);
    }

    public void Delete()
    {
        // Claims and host folders are reached only through links, which are removed and not followed.
        if (Directory.Exists(Path))
        {
            Directory.Delete(Path, true);
        }
    }

    /// <summary>Data of a Secret or ConfigMap; null when it is not there.</summary>
    public IReadOnlyDictionary<string, byte[]>? Data(string resource, string name)
    {
        if (_store.Get(new ObjectKey(resource, _space, name))?.ToNode() is not { } found)
        {
            return null;
        }

        var data = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        foreach (var (key, value) in found.Object("data") ?? [])
        {
            var text = value.Text() ?? "";
            data[key] = resource == "secrets" ? Convert.FromBase64String(text) : Encoding.UTF8.GetBytes(text);
        }

        foreach (var (key, value) in found.Object("binaryData") ?? [])
        {
            data[key] = Convert.FromBase64String(value.Text() ?? "");
        }

        return data;
    }

    /// <summary>A field of the pod as the downward API gives it; null when it can't be had this way.</summary>
    public string? Field(string fieldPath)
    {
        var open = fieldPath.IndexOf("['", StringComparison.Ordinal);
        if (open > 0)
        {
            var map = fieldPath[..open].Split('.');
            return _pod.At(map).Text(fieldPath[(open + 2)..^2]) ?? "";
        }

        return fieldPath switch
        {
            "metadata.labels" or "metadata.annotations" => string.Concat((_pod.Object(fieldPath.Split('.')) ?? []).Select(pair => $"{pair.Key}={pair.Value?.ToJsonString()}\n")),
            "status.podIP" or "status.hostIP" => "127.0.0.1",
            "metadata.name" or "metadata.namespace" or "metadata.uid" or "spec.nodeName" or "spec.serviceAccountName" => _pod.Text(fieldPath.Split('.')) ?? "",
            _ => null,
        };
    }

    private string VolumeFolder(string name)
    {
        var volume = (_pod.Array("spec", "volumes") ?? []).FirstOrDefault(item => item.Text("name") == name);
        return volume.Text("persistentVolumeClaim", "claimName") is { } claim ? _claimFolder(_space, claim)
            : volume.Text("hostPath", "path") ?? System.IO.Path.Combine(Path, "volumes", name);
    }

    private void Fill(string volume, string folder, JsonObject source, string? secret, string? configMap)
    {
        if (secret is not null)
        {
            FillFrom(volume, folder, "secrets", "secret", secret, source.Object("secret")!);
        }

        if (configMap is not null)
        {
            FillFrom(volume, folder, "configmaps", "configmap", configMap, source.Object("configMap")!);
        }

        foreach (var item in source.Array("downwardAPI", "items") ?? [])
        {
            var value = item.Text("fieldRef", "fieldPath") is { } field
                ? Field(field) ?? throw new MountException($"MountVolume.SetUp failed for volume \"{volume}\" : field label not supported: {field}")
                : "0";
            Write(folder, item.Text("path") ?? "", Encoding.UTF8.GetBytes(value));
        }

        if (source.Object("serviceAccountToken") is { } token)
        {
            Write(folder, token.Text("path") ?? "token", "devcluster"u8.ToArray());
        }
    }

    private void FillFrom(string volume, string folder, string resource, string kind, string name, JsonObject source)
    {
        var optional = source.Flag("optional") == true;
        if (Data(resource, name) is not { } data)
        {
            if (optional)
            {
                return;
            }

            throw new MountException($"MountVolume.SetUp failed for volume \"{volume}\" : {kind} \"{name}\" not found");
        }

        if (source.Array("items") is not { } items)
        {
            foreach (var (key, value) in data)
            {
                Write(folder, key, value);
            }

            return;
        }

        foreach (var item in items)
        {
            var key = item.Text("key") ?? "";
            if (data.TryGetValue(key, out var value))
            {
                Write(folder, item.Text("path") ?? key, value);
            }
            else if (!optional)
            {
                throw new MountException($"MountVolume.SetUp failed for volume \"{volume}\" : references non-existent {kind} key: {key}");
            }
        }
    }

    private static void Write(string folder, string path, byte[] content)
    {
        var file = System.IO.Path.GetFullPath(System.IO.Path.Combine(folder, path.TrimStart('/')));
        if (!file.StartsWith(folder + System.IO.Path.DirectorySeparatorChar, StringComparison.Ordinal))
        {
            throw new MountException(string.Create(CultureInfo.InvariantCulture, $"the path {path} leaves its volume"));
        }

        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(file)!);
        File.WriteAllBytes(file, content);
    }
}

/// <param name="Root">Stands for <c>/</c> as far as mounts go.</param>
internal sealed record ContainerRoot(string Root, IReadOnlyList<(string MountPath, string Real)> Mounts, string MessagePath, string MessageFile)
{
    public string Rewrite(string value)
    {
        if (value == MessagePath)
        {
            return MessageFile;
        }

        if (!value.StartsWith('/') || value.Length < 2)
        {
            return value;
        }

        var path = value.TrimEnd('/');
        foreach (var (mountPath, _) in Mounts)
        {
            if (path == mountPath || path.StartsWith(mountPath + "/", StringComparison.Ordinal) || mountPath.StartsWith(path + "/", StringComparison.Ordinal))
            {
                return Root + value;
            }
        }

        return value;
    }
}
